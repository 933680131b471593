"""TensorFlow graphs for costdb: frozen GraphDef files.

Importing this package imports neither TensorFlow nor protobuf; loading a file does.
"""

from costdb.plugins import Binding, Graph, Loader, Source, hookimpl
from costdb_tensorflow.sniffing import is_graph_def


class TensorflowLoader:
    """Reads GraphDef files: `.pb`."""

    name = "tensorflow"
    revision = 1
    suffixes: tuple[str, ...] = (".pb",)

    def sniff(self, source: Source) -> bool:
        """Whether the artifact is a GraphDef, whole or cut off."""
        return is_graph_def(source)

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph of a GraphDef file.

        Raises:
            BrokenArtifact: The file is cut off, malformed or contradicts itself.
            BindingError: An open size has no value, or a binding does not fit.
            PluginError: TensorFlow does not work here.
        """
        from costdb_tensorflow.graph_def import (  # noqa: PLC0415 - it imports protobuf
            load_graph_def,
        )

        return load_graph_def(source, binding)


@hookimpl
def costdb_loaders() -> list[Loader]:
    """The loader for TensorFlow's files."""
    return [TensorflowLoader()]
