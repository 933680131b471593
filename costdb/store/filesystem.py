"""What kind of file system a database file is on."""

import os
from pathlib import Path

# SQLite's write-ahead log shares memory between processes, which machines cannot:
# sqlite.org/wal.html. Some of these accept it and corrupt the file.
NETWORK_TYPES = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "9p",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.rclone",
    ]
)

MOUNTS = Path("/proc/self/mountinfo")


def network_type(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the network file system that holds a path.

    Args:
        path: A file or folder.
        mounts: Linux's table of mounts: man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html.

    Returns:
        Such as "nfs4"; None on a local disk, or where the system does not say.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    target = os.path.realpath(path)
    found = ("", "")
    for line in lines:
        before, _, after = line.partition(" - ")
        mount_point = _unescape(before.split(" ")[4])
        if _holds(mount_point, target) and len(mount_point) >= len(found[0]):
            found = (mount_point, after.split(" ")[0])
    return found[1] if found[1] in NETWORK_TYPES else None


def is_writable(path: Path) -> bool:
    """Whether a database file can be written or created; logs lie in its folder."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _holds(folder: str, target: str) -> bool:
    return target == folder or target.startswith(folder.rstrip("/") + "/")


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
