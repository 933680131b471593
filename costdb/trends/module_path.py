"""Module paths, and the parts of a model that tell layers from each other best."""

import re
from collections.abc import Collection, Iterable, Sequence

from costdb.trends.alignment import Pair

Path = tuple[str, ...]

# Keras numbers its models: resnet50, resnet50_1.
_COUNTER = re.compile(r"_\d+$")


class ModulePaths:
    """Where the layers of two versions lie, whatever number their framework gave to the model."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        olds = {pair.old.scope for pair in pairs if pair.old is not None and pair.old.scope}
        news = {pair.new.scope for pair in pairs if pair.new is not None and pair.new.scope}
        self._written_top: dict[str, str] = {}
        self._old = self._without_counter(olds)
        self._new = self._without_counter(news)
        self._depth = len(_common_path([*self._old.values(), *self._new.values()]))

    def path(self, pair: Pair) -> Path:
        """The modules that a layer lies in, the outermost first; none if that is not known."""
        paths = self._old if pair.new is None else self._new
        return paths.get(pair.layer.scope, ())

    def part(self, path: Path) -> Path:
        """The outermost part of the model, not the whole of it, that a path leads into."""
        return path[: self._depth + 1]

    def label(self, paths: Iterable[Path]) -> str:
        """The innermost module that all paths lead into, with `/*` if they lie below it."""
        distinct = set(paths)
        top, *rest = _common_path(distinct)
        written = "/".join([self._written_top.get(top, top), *rest])
        return written if len(distinct) == 1 else f"{written}/*"

    def _without_counter(self, scopes: Iterable[str]) -> dict[str, Path]:
        """Path of each scope; the number of the module that holds all is left out."""
        paths = {scope: tuple(scope.split("/")) for scope in scopes}
        tops = {path[0] for path in paths.values()}
        if len(tops) != 1:
            return paths
        written = tops.pop()
        top = _COUNTER.sub("", written)
        self._written_top[top] = written
        return {scope: (top, *path[1:]) for scope, path in paths.items()}


def _common_path(paths: Collection[Path]) -> Path:
    """The modules that all paths begin with."""
    if not paths:
        return ()
    # What the first and the last in order have in common, all between them have, too.
    first, last = min(paths), max(paths)
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    return first[:shared]
