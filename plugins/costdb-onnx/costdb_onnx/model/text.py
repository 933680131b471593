"""Names in a damaged file may be no text at all."""

from collections.abc import Iterable

from costdb.plugins import BrokenArtifact


def require_text(values: Iterable[object]) -> None:
    """Refuse what protobuf hands over as bytes because it is not UTF-8. Raises BrokenArtifact."""
    given = tuple(values)
    if bytes in map(type, given):
        damaged = next(value for value in given if isinstance(value, bytes))
        raise BrokenArtifact(
            f"the model holds a name that is not UTF-8: {damaged[:40]!r}",
            hint="the file is damaged: copy or export it again",
        )
