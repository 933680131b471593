"""Where a write-ahead log can be kept."""

from pathlib import Path

import pytest

from costdb.store.filesystem import network_type

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
31 22 0:26 / /mnt/team rw,relatime shared:14 - nfs4 nas.example:/team rw,vers=4.2
32 31 254:2 / /mnt/team/scratch rw,relatime - xfs /dev/vdb rw
33 22 0:30 / /mnt/two\\040words rw - cifs //nas/share rw
34 22 0:31 / /mnt/te rw - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada/costs.db", None),
        ("/mnt/team/costs.db", "nfs4"),
        ("/mnt/team", "nfs4"),
        ("/mnt/team/scratch/costs.db", None),
        ("/mnt/teams/costs.db", None),
        ("/mnt/two words/costs.db", "cifs"),
        ("/mnt/te/x", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_decides(tmp_path: Path, path: str, kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_type(Path(path), mounts) == kind


def test_a_later_mount_covers_an_earlier_one(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS + "40 22 0:40 / /mnt/team rw - tmpfs none rw\n")
    assert network_type(Path("/mnt/team/costs.db"), mounts) is None


def test_links_are_followed(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    link = tmp_path / "link"
    link.symlink_to("/mnt/team")
    assert network_type(link / "costs.db", mounts) == "nfs4"


def test_without_a_table_nothing_is_said(tmp_path: Path) -> None:
    assert network_type(Path("/mnt/team"), tmp_path / "absent") is None


def test_this_machine_has_a_table(tmp_path: Path) -> None:
    assert network_type(tmp_path / "costs.db") is None
