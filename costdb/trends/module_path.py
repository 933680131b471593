"""Module paths, and the parts of a model that tell layers from each other best."""

from collections.abc import Collection, Iterable, Sequence

from costdb.trends.alignment import Pair
from costdb.trends.scopes import model_module

Path = tuple[str, ...]

# Stands for the whole model.
EVERYWHERE = "*"


class ModulePaths:
    """Where the layers of two versions lie, whatever their framework called the model itself."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        olds = [pair.old for pair in pairs if pair.old is not None]
        news = [pair.new for pair in pairs if pair.new is not None]
        old_model, new_model = model_module(olds), model_module(news)
        # Of two names of one model, the new one is written.
        self._model = {old_model: new_model} if old_model and new_model else {}
        scopes = {layer.scope for layer in (*olds, *news)}
        self._paths = {scope: self._path(scope) for scope in scopes}
        self._depth = len(_common_path([path for path in self._paths.values() if path]))

    def path(self, pair: Pair) -> Path:
        """The modules that a layer lies in, the outermost first; none if that is not known."""
        return self._paths[pair.layer.scope]

    def part(self, path: Path) -> Path:
        """The outermost part of the model, not the whole of it, that a path leads into."""
        return path[: self._depth + 1]

    def _path(self, scope: str) -> Path:
        top, *rest = scope.split("/")
        return (self._model.get(top, top), *rest) if scope else ()


def label(paths: Iterable[Path]) -> str:
    """The innermost module that all paths lead into, with `/*` if they lie below it."""
    distinct = set(paths)
    common = "/".join(_common_path(distinct))
    if not common:
        return EVERYWHERE
    return common if len(distinct) == 1 else f"{common}/*"


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
