"""Finding plugins, and all that their authors import.

A plugin is a distribution with an entry point in the group `costdb`; it implements some of the
hooks below. `docs/architecture.md` shows one from end to end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

import pluggy

from costdb.binding import (
    Binding,
    BoundInput,
    DeclaredShape,
    InputBinding,
    format_shape,
    nearest,
)
from costdb.contracts import (
    ZERO,
    Counts,
    Coverage,
    Finding,
    Loader,
    Rule,
    dot_products,
    rule,
)
from costdb.errors import (
    ArtifactError,
    ArtifactUnreadable,
    BindingError,
    BrokenArtifact,
    CostdbError,
    PluginError,
    TrustRequired,
    UnboundDimension,
    UnknownFormat,
)
from costdb.ir import (
    SMALL_CONSTANT_ELEMENTS,
    AttributeValue,
    Body,
    DType,
    Graph,
    Layer,
    Role,
    Shape,
    Tensor,
    Uncountable,
    assemble,
)
from costdb.source import Source

__all__ = [
    "SMALL_CONSTANT_ELEMENTS",
    "ZERO",
    "ArtifactError",
    "ArtifactUnreadable",
    "AttributeValue",
    "Binding",
    "BindingError",
    "Body",
    "BoundInput",
    "BrokenArtifact",
    "CostdbError",
    "Counts",
    "Coverage",
    "DType",
    "DeclaredShape",
    "Finding",
    "Graph",
    "InputBinding",
    "Layer",
    "Loader",
    "PluginError",
    "Role",
    "Rule",
    "Shape",
    "Source",
    "Tensor",
    "TrustRequired",
    "UnboundDimension",
    "Uncountable",
    "UnknownFormat",
    "assemble",
    "choose_loader",
    "discover",
    "dot_products",
    "format_shape",
    "hookimpl",
    "nearest",
    "rule",
]

GROUP = "costdb"

T = TypeVar("T")

hookspec = pluggy.HookspecMarker("costdb")
hookimpl = pluggy.HookimplMarker("costdb")


class Hooks:
    """What a plugin may implement."""

    @hookspec
    def costdb_loaders(self) -> Sequence[Loader]:  # type: ignore[empty-body]
        """Loaders for file formats."""

    @hookspec
    def costdb_cost_rules(self) -> Sequence[Rule]:  # type: ignore[empty-body]
        """Rules for operators that the core does not count."""

    @hookspec
    def costdb_freezers(self) -> Sequence[object]:  # type: ignore[empty-body]
        """Writers of frozen graphs, for `costdb freeze`."""

    @hookspec
    def costdb_notify(self, findings: Sequence[Finding]) -> None:
        """Tell someone about findings that the last run did not have."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin.

    Attributes:
        name: Its entry point.
        distribution: The package that it came with, with its version.
        loaders: What it reads.
        rules: The operators that it counts.
        problem: Why it was left out; empty if it works.
    """

    name: str
    distribution: str
    loaders: tuple[Loader, ...] = ()
    rules: tuple[Rule, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plugins:
    """All installed plugins, those that failed included."""

    plugins: tuple[Plugin, ...]

    @property
    def loaders(self) -> tuple[Loader, ...]:
        """Every loader, in the order of the plugins' names."""
        return tuple(loader for plugin in self.plugins for loader in plugin.loaders)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the plugins' names."""
        return tuple(rule for plugin in self.plugins for rule in plugin.rules)

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each plugin that was left out."""
        return tuple(
            f"plugin {plugin.name!r} ({plugin.distribution}) is left out: {plugin.problem}"
            for plugin in self.plugins
            if plugin.problem
        )


def discover(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load the installed plugins one by one.

    A plugin that fails to import, has an unknown hook, or whose hooks raise or return something
    else than they should, is left out and named; the others work.

    Args:
        found: Entry points to load instead of the installed ones.
    """
    points = entry_points(group=GROUP) if found is None else found
    return Plugins(tuple(_load(point) for point in sorted(points, key=lambda point: point.name)))


def _load(point: EntryPoint) -> Plugin:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    # A manager of its own for each: pluggy's check_pending stops at the first plugin at fault.
    manager = pluggy.PluginManager("costdb")
    manager.add_hookspecs(Hooks)
    try:
        manager.register(point.load(), name=point.name)
        manager.check_pending()
        return Plugin(
            point.name,
            distribution,
            loaders=tuple(
                _checked(manager.hook.costdb_loaders(), Loader, "costdb_loaders")  # type: ignore[type-abstract] # isinstance works on it
            ),
            rules=tuple(_checked(manager.hook.costdb_cost_rules(), Rule, "costdb_cost_rules")),
        )
    except Exception as error:  # noqa: BLE001 - a plugin is a stranger's code
        lines = str(error).splitlines() or [""]
        return Plugin(point.name, distribution, problem=f"{type(error).__name__}: {lines[0]}")


def _checked(answers: list[object], kind: type[T], hook: str) -> Iterator[T]:
    """The items that a hook's implementations returned, flattened. Raises PluginError."""
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise PluginError(f"{hook} returned {type(answer).__name__}, not a list")
        for item in answer:
            if not isinstance(item, kind):
                raise PluginError(f"{hook} returned a {type(item).__name__}, not a {kind.__name__}")
            yield item


def choose_loader(source: Source, plugins: Plugins, name: str | None = None) -> Loader:
    """The loader that reads an artifact.

    Args:
        source: The artifact.
        plugins: Where to look.
        name: The loader to take without asking what the file is.

    Raises:
        UnknownFormat: No loader claims the artifact, or several do.
        ArtifactUnreadable: The artifact cannot be read.
    """
    loaders = plugins.loaders
    names = [loader.name for loader in loaders]
    if name is not None:
        for loader in loaders:
            if loader.name == name:
                return loader
        raise UnknownFormat(f"no loader {name!r}", hint=nearest(name, names, "loaders"))
    claimants = [loader for loader in loaders if loader.sniff(source)]
    if len(claimants) == 1:
        return claimants[0]
    if claimants:
        listed = " and ".join(loader.name for loader in claimants)
        raise UnknownFormat(
            f"{source.name!r} is claimed by {listed}", hint=f"add --loader {claimants[0].name}"
        )
    broken = "".join(f"; {problem}" for problem in plugins.problems)
    raise UnknownFormat(
        f"no loader reads {source.name!r}: it is {_description(source)}",
        hint=f"loaders: {', '.join(names) or 'none, pip install costdb-onnx'}{broken}",
    )


# What a file without a loader is, by its first bytes.
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x80\x02", "a pickle"),
    (b"\x1f\x8b", "gzip data"),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file: run 'git lfs pull'"),
    (b"<", "markup"),
)


def _description(source: Source) -> str:
    if source.is_directory:
        return "a folder"
    head = source.read_at_most(0, 256)
    if not head:
        return "empty"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    for signature, description in _SIGNATURES:
        if head.startswith(signature):
            return description
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return "binary data of no known format"
    return "text" if text.isprintable() or text.strip().split() else "binary data"
