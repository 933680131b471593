"""The model files of a git repository's tags, for filling a history after the fact."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from costdb.batch import Entry
from costdb.binding import nearest
from costdb.errors import UsageError


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag and the commit that it names."""

    name: str
    commit: str


def tags(repository: Path, since: str | None = None) -> list[Tag]:
    """The tags of a repository, the oldest first.

    Args:
        repository: Its folder, or one in it.
        since: The tag to begin with.

    Raises:
        UsageError: It is no repository, git is not installed, there is no such tag, or none at all.
    """
    lines = _git(
        repository,
        *("for-each-ref", "refs/tags", "--sort=version:refname", "--sort=creatordate"),
        # An annotated tag is an object of its own: its commit is behind the star.
        "--format=%(refname:strip=2) %(objecttype) %(objectname) %(*objecttype) %(*objectname)",
    )
    found = []
    for line in lines:
        name, *objects = line.split()
        kind, commit = objects[-2:]
        # A tag may also name a single file, which is nothing that a glob could be matched with.
        if kind == "commit":
            found.append(Tag(name, commit))
    if not found:
        raise UsageError(f"{str(repository)!r} has no tags", hint="make one with git tag")
    if since is None:
        return found
    names = [tag.name for tag in found]
    if since not in names:
        raise UsageError(
            f"{str(repository)!r} has no tag {since!r}", hint=nearest(since, names, "its tags")
        )
    return found[names.index(since) :]


def entries(
    repository: Path, pattern: str, of: Iterable[Tag], folder: Path, model: str | None = None
) -> Iterator[Entry]:
    """The files that fit a pattern at each tag, each written into a folder when its turn comes.

    What has the same name with something behind it, as `model.onnx.data`, is written beside it.

    Args:
        repository: Its folder, or one in it.
        pattern: A glob over paths from the repository's top, as `models/*.onnx`.
        of: The tags.
        folder: Where the files are written.
        model: Whose versions they all are; else the settings or the stem name it.

    Raises:
        UsageError: A file cannot be read from the repository, or none fits the pattern.
    """
    number = 0
    for tag in of:
        listing = ("ls-tree", "-r", "-z", "--full-tree", "--name-only", tag.commit)
        paths = _git(repository, *listing, separator="\0")
        for path in paths:
            if fnmatchcase(path, pattern):
                # A folder for each, so that it can be deleted by itself.
                place, number = folder / str(number), number + 1
                for beside in paths:
                    if beside.startswith(path):
                        _write(repository, tag.commit, beside, place)
                file = place / PurePosixPath(path).name
                yield Entry(str(file), tag.name, model or "", git_sha=tag.commit, path=path)
    if number == 0:
        raise UsageError(
            f"no file at any of these tags fits {pattern!r}",
            hint="a pattern is over the whole path, as in 'models/*.onnx'",
        )


def forget(entry: Entry) -> None:
    """Delete what was written for an entry."""
    shutil.rmtree(Path(entry.file).parent, ignore_errors=True)


def _write(repository: Path, commit: str, path: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / PurePosixPath(path).name).open("wb") as file:
        command = ["git", "-C", str(repository), "cat-file", "blob", f"{commit}:{path}"]
        # S603: a list, so no shell reads the names.
        finished = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=False)  # noqa: S603
    if finished.returncode != 0:
        reason = finished.stderr.decode(errors="replace").strip()
        raise UsageError(f"{path!r} at {commit} cannot be read: {reason}", hint="git fsck")


def _git(folder: Path, *arguments: str, separator: str = "\n") -> list[str]:
    """What git prints, in pieces. Raises UsageError with what it says went wrong."""
    try:
        finished = subprocess.run(  # noqa: S603 - a list, so no shell reads the names
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed", hint="install git") from error
    if finished.returncode != 0:
        reason = finished.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise UsageError(f"git in {str(folder)!r}: {reason}", hint="name a repository with --repo")
    text = finished.stdout.decode(errors="surrogateescape")
    return [piece for piece in text.split(separator) if piece]
