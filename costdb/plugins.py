"""Finding plugins, and all that their authors import.

A plugin is a distribution with an entry point in the group `costdb`; it implements some of the
hooks below. `docs/architecture.md` shows one from end to end.
"""

import codecs
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from textwrap import shorten
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
from costdb.caps import (
    MAX_ARCHIVE_DIRECTORY_BYTES,
    MAX_ARCHIVE_MEMBERS,
    MAX_ARCHIVE_RATIO,
    MAX_LAYERS,
    MAX_NESTING,
)
from costdb.contracts import (
    ZERO,
    Counts,
    Coverage,
    Finding,
    Freezer,
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
from costdb.source import PYTHON_SCHEME, Source

__all__ = [
    "MAX_ARCHIVE_DIRECTORY_BYTES",
    "MAX_ARCHIVE_MEMBERS",
    "MAX_ARCHIVE_RATIO",
    "MAX_LAYERS",
    "MAX_NESTING",
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
    "Freezer",
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
    "choose_freezer",
    "choose_loader",
    "discover",
    "dot_products",
    "format_shape",
    "hookimpl",
    "nearest",
    "rule",
    "rules_of",
]

GROUP = "costdb"

T = TypeVar("T")

Notifier = Callable[[Sequence[Finding]], None]
R = TypeVar("R", Loader, Freezer)

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
    def costdb_freezers(self) -> Sequence[Freezer]:  # type: ignore[empty-body]
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
        freezers: What it freezes.
        notifier: What tells someone about findings; None if nothing does.
        problem: Why it was left out; empty if it works.
    """

    name: str
    distribution: str
    loaders: tuple[Loader, ...] = ()
    rules: tuple[Rule, ...] = ()
    freezers: tuple[Freezer, ...] = ()
    notifier: Notifier | None = None
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
    def freezers(self) -> tuple[Freezer, ...]:
        """Every freezer, in the order of the plugins' names."""
        return tuple(freezer for plugin in self.plugins for freezer in plugin.freezers)

    def notify(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """Hand findings to every notifier; those that fail do not keep the others from it.

        Returns:
            One line for each that failed, and one if there is no notifier.
        """
        notifiers = {plugin.name: plugin.notifier for plugin in self.plugins if plugin.notifier}
        if not notifiers:
            return ("no plugin notifies anyone: pip install costdb-webhook",)
        problems = (_notified(name, notify, findings) for name, notify in notifiers.items())
        return tuple(filter(None, problems))

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

    A plugin is left out and named if it fails to import, has an unknown hook or none, if its hooks
    raise or return something else than they should, or if a loader's name is taken; the others
    work.

    Args:
        found: Entry points to load instead of the installed ones.
    """
    points = entry_points(group=GROUP) if found is None else found
    plugins: list[Plugin] = []
    taken: set[str] = set()
    for point in sorted(points, key=lambda point: point.name):
        plugin = _load(point)
        names = {loader.name for loader in plugin.loaders}
        if clashes := sorted(names & taken):
            problem = f"another plugin has a loader {clashes[0]!r}"
            plugin = Plugin(plugin.name, plugin.distribution, problem=problem)
        taken |= names
        plugins.append(plugin)
    return Plugins(tuple(plugins))


def rules_of(names: Collection[str]) -> tuple[Rule, ...]:
    """The rules of some of the installed plugins; the others are not imported.

    Args:
        names: Their entry points.
    """
    if not names:
        return ()
    return discover(point for point in entry_points(group=GROUP) if point.name in names).rules


def _load(point: EntryPoint) -> Plugin:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    # A manager of its own for each: pluggy's check_pending stops at the first plugin at fault.
    manager = pluggy.PluginManager("costdb")
    manager.add_hookspecs(Hooks)
    try:
        plugin = point.load()
        manager.register(plugin, name=point.name)
        manager.check_pending()
        loaders = _checked(manager.hook.costdb_loaders(), Loader, "costdb_loaders")  # type: ignore[type-abstract] # isinstance works on it
        rules = _checked(manager.hook.costdb_cost_rules(), Rule, "costdb_cost_rules")
        freezers = _checked(manager.hook.costdb_freezers(), Freezer, "costdb_freezers")  # type: ignore[type-abstract] # as above
        return Plugin(
            point.name,
            distribution,
            loaders=tuple(loaders),
            rules=tuple(rules),
            freezers=tuple(freezers),
            notifier=_notifier(manager),
            problem="" if manager.get_hookcallers(plugin) else "it implements no hook",
        )
    # A plugin is a stranger's code: it may raise anything, or call sys.exit.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return Plugin(point.name, distribution, problem=_one_line(error))


def _notifier(manager: pluggy.PluginManager) -> Notifier | None:
    if not manager.hook.costdb_notify.get_hookimpls():
        return None

    def notify(findings: Sequence[Finding]) -> None:
        manager.hook.costdb_notify(findings=findings)

    return notify


def _notified(name: str, notify: Notifier, findings: Sequence[Finding]) -> str:
    """What went wrong when a notifier was called; empty if nothing did."""
    try:
        notify(findings)
    except CostdbError as error:
        return f"plugin {name!r} could not notify: {error.message}; {error.hint}"
    # A plugin is a stranger's code: it may raise anything, or call sys.exit.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return f"plugin {name!r} could not notify: {_one_line(error)}"
    return ""


def _checked(answers: list[object], kind: type[T], hook: str) -> Iterator[T]:
    """The items that a hook's implementations returned, flattened. Raises PluginError."""
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise PluginError(f"{hook} returned {type(answer).__name__}, not a list")
        for item in answer:
            if isinstance(item, type):
                raise PluginError(f"{hook} returned the class {item.__name__}, not an instance")
            if not isinstance(item, kind):
                raise PluginError(f"{hook} returned a {type(item).__name__}, not a {kind.__name__}")
            yield item


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {shorten(str(error), 200, placeholder=' …')}"


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
    names = ", ".join(loader.name for loader in plugins.loaders)
    if name is not None:
        for loader in plugins.loaders:
            if loader.name == name:
                return loader
        known = f"loaders: {names or 'none'}"
        raise UnknownFormat(f"no loader {name!r}", hint="; ".join([known, *plugins.problems]))
    claimants, failures = _claimants(source, plugins.loaders, "loader")
    if len(claimants) == 1:
        return claimants[0]
    if claimants:
        # The suffix decides nothing, but says which of them was probably meant.
        likely = max(claimants, key=lambda loader: source.name.endswith(tuple(loader.suffixes)))
        raise UnknownFormat(
            f"{source.name!r} is claimed by {' and '.join(loader.name for loader in claimants)}",
            hint=f"add --loader {likely.name}",
        )
    what, advice = _description(source)
    advice = advice or f"loaders: {names or 'none, pip install costdb-onnx'}"
    raise UnknownFormat(
        f"no loader reads {source.name!r}: it is {what}",
        hint="; ".join([advice, *plugins.problems, *failures]),
    )


def choose_freezer(source: Source, plugins: Plugins) -> Freezer:
    """The freezer that takes an artifact, the first one if several do.

    Args:
        source: The artifact.
        plugins: Where to look.

    Raises:
        UnknownFormat: None takes it.
    """
    claimants, failures = _claimants(source, plugins.freezers, "freezer")
    if claimants:
        return claimants[0]
    names = ", ".join(freezer.name for freezer in plugins.freezers)
    advice = f"freezers: {names or 'none, pip install costdb-tensorflow'}"
    raise UnknownFormat(
        f"nothing freezes {source.name!r}: it is frozen already, or of another format",
        hint="; ".join([advice, *plugins.problems, *failures]),
    )


def _claimants(source: Source, readers: Iterable[R], kind: str) -> tuple[list[R], list[str]]:
    """The readers that claim an artifact, and a line for each that failed to look at it."""
    claimants: list[R] = []
    failures: list[str] = []
    for reader in readers:
        try:
            if reader.sniff(source):
                claimants.append(reader)
        except ArtifactError:
            if source.is_remote:
                raise  # a server that does not help is the matter, not the file
            continue  # it is a folder, say, and this is a loader of files
        except Exception as error:  # noqa: BLE001 - a plugin is a stranger's code
            failures.append(f"{kind} {reader.name!r} failed: {_one_line(error)}")
    return claimants, failures


# What a file is by its first bytes, and what to do about it if no loader reads it.
_SIGNATURES = (
    (rb"PK\x03\x04", "a zip archive", ""),
    (rb"\x89HDF\r\n", "an HDF5 file", ""),
    (rb"\x80[\x02-\x05]", "a pickle", ""),
    (rb"\x1f\x8b", "gzip data", "gunzip it"),
    (rb"\x93NUMPY", "a NumPy array", ""),
    (rb"GGUF", "a GGUF file", ""),
    (rb".{4}TFL3", "a TensorFlow Lite model", ""),
    (rb".{7}\0\{", "a safetensors file", ""),
    (rb"version https://git-lfs", "a Git LFS pointer to the file", "git lfs pull"),
    (rb"\s*<", "markup", ""),
)


def _description(source: Source) -> tuple[str, str]:
    """What an artifact looks like, and what to do about it. Raises ArtifactUnreadable."""
    if source.is_directory:
        return "a folder", ""
    if source.scheme == PYTHON_SCHEME:
        return "a Python object", ""
    head = source.read_at_most(0, 256)
    if not head:
        return "empty", "export it again"
    for signature, description, advice in _SIGNATURES:
        if re.match(signature, head, re.DOTALL):
            return description, advice
    try:
        # An incremental decoder forgives a character that is cut in two.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        text = "\0"
    is_text = all(character.isprintable() or character.isspace() for character in text)
    return "text" if is_text else "binary data of no known format", ""
