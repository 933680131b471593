"""What an artifact holds: the graph at each operating point, or that graph frozen."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from costdb import canonical
from costdb.errors import BrokenArtifact, OutputUnwritable
from costdb.ir import Graph
from costdb.plugins import Plugins, choose_freezer, choose_loader
from costdb.reading import Reading
from costdb.settings import OperatingPoint
from costdb.source import Source


@dataclass(frozen=True, slots=True)
class CanonicalGraph:
    """A graph and its canonical JSON.

    Attributes:
        graph: What the loader made of the artifact.
        structure: See `canonical.structure_json`.
        names: See `canonical.names_json`.
    """

    graph: Graph
    structure: bytes
    names: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What an artifact holds.

    Attributes:
        location: Path or URL, without credentials.
        size: Bytes of all its files; 0 for a Python object.
        loader: The name of the loader that read it, or of the freezer.
        loader_revision: That loader's revision; 0 of a freezer.
        graphs: Operating point -> graph; none where it was frozen.
    """

    location: str
    size: int
    loader: str
    loader_revision: int
    graphs: Mapping[str, CanonicalGraph]


def read_content(
    artifact: str, reading: Reading, points: Mapping[str, OperatingPoint], plugins: Plugins
) -> Content:
    """Read an artifact in this process.

    Args:
        artifact: Path or URL.
        reading: How to read it; its own plugins are left aside.
        points: The points of `costdb.toml`.
        plugins: Whose loaders to choose from.

    Raises:
        ArtifactError: It cannot be read.
        BindingError: An open size has no value, or a binding does not fit.
        UsageError: The reading cannot be understood.
    """
    bindings = reading.bindings(points)
    with Source(artifact) as source:
        with _exhaustion_explained(source.name):
            loader = choose_loader(source, plugins, reading.loader)
            graphs = {
                name: _canonical(loader.load(source, binding)) for name, binding in bindings.items()
            }
        size = source.total_size
    return Content(source.location, size, loader.name, loader.revision, graphs)


def freeze_content(artifact: str, reading: Reading, destination: Path, plugins: Plugins) -> Content:
    """Write an artifact's graph with its weights as constants, in this process.

    Args:
        artifact: Path.
        reading: Which outputs are asked for, and whether code of the artifact may run.
        destination: An empty file; what an error leaves in it is of no use.
        plugins: Whose freezers to choose from.

    Raises:
        ArtifactError: It cannot be read or frozen.
        BindingError: An output is not in it.
        OutputUnwritable: The file cannot be written.
    """
    binding = next(iter(reading.bindings({}).values()))
    with Source(artifact) as source, _exhaustion_explained(source.name):
        freezer = choose_freezer(source, plugins)
        try:
            freezer.freeze(source, destination, binding)
        except OSError as error:
            raise OutputUnwritable(
                f"{source.name!r} cannot be frozen into {str(destination.parent)!r}:"
                f" {error.strerror or error}",
                hint="name a file elsewhere with -o",
            ) from error
        return Content(source.location, source.total_size, freezer.name, 0, {})


@contextmanager
def _exhaustion_explained(name: str) -> Iterator[None]:
    """An artifact that asks for too much is refused. Raises BrokenArtifact."""
    hint = "the file is damaged or made to do harm: export the model again"
    try:
        yield
    except RecursionError as error:
        raise BrokenArtifact(f"{name!r} nests deeper than any model", hint=hint) from error
    except MemoryError as error:
        raise BrokenArtifact(f"{name!r} asks for more memory than there is", hint=hint) from error


def _canonical(graph: Graph) -> CanonicalGraph:
    return CanonicalGraph(graph, canonical.structure_json(graph), canonical.names_json(graph))
