"""What an artifact holds: the graph at each operating point."""

from collections.abc import Mapping
from dataclasses import dataclass

from costdb import canonical
from costdb.errors import BrokenArtifact
from costdb.ir import Graph
from costdb.plugins import Plugins, choose_loader
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
        loader: The name of the loader that read it.
        loader_revision: That loader's revision.
        graphs: Operating point -> graph.
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
        try:
            loader = choose_loader(source, plugins, reading.loader)
            graphs = {
                name: _canonical(loader.load(source, binding)) for name, binding in bindings.items()
            }
        except RecursionError as error:
            raise BrokenArtifact(
                f"{source.name!r} nests deeper than any model",
                hint="the file is damaged or made to do harm: export the model again",
            ) from error
        except MemoryError as error:
            raise BrokenArtifact(
                f"{source.name!r} asks for more memory than there is",
                hint="the file is damaged or made to do harm: export the model again",
            ) from error
        size = source.total_size
    return Content(source.location, size, loader.name, loader.revision, graphs)


def _canonical(graph: Graph) -> CanonicalGraph:
    return CanonicalGraph(graph, canonical.structure_json(graph), canonical.names_json(graph))
