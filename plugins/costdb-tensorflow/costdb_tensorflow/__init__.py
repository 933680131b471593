"""TensorFlow for costdb: frozen graphs, SavedModels, checkpoints and Keras' own files.

Importing this package imports neither TensorFlow nor protobuf; loading a file does.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from costdb.plugins import Binding, Freezer, Graph, Loader, Source, hookimpl
from costdb_tensorflow.formats import Format, format_of

_Load = Callable[[Source, Binding], Graph]

# Where each format is read: a module, which may import protobuf, and its function.
_READERS = {
    Format.GRAPH_DEF: ("graph_def", "load_graph_def"),
    Format.SAVED_MODEL: ("saved_model", "load_saved_model"),
    Format.META_GRAPH: ("meta_graph", "load_meta_graph"),
    Format.CHECKPOINT: ("checkpoint", "load_checkpoint"),
    Format.KERAS: ("keras_model", "load_keras_model"),
}


class TensorflowLoader:
    """Reads frozen graphs, SavedModels, checkpoints and, where it is trusted, Keras' own files."""

    name = "tensorflow"
    revision = 2
    suffixes: tuple[str, ...] = (".pb", ".meta", ".ckpt", ".index", ".keras", ".h5")

    def sniff(self, source: Source) -> bool:
        """Whether the artifact is in one of TensorFlow's formats, whole or cut off."""
        return format_of(source) is not None

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph of an artifact; one of no known format is taken for a GraphDef.

        Raises:
            BrokenArtifact: The file is cut off, malformed or contradicts itself.
            TrustRequired: It is a Keras model, and the binding does not say that it may run.
            BindingError: An open size has no value, or a binding does not fit.
            PluginError: TensorFlow does not work here.
        """
        module, function = _READERS[format_of(source) or Format.GRAPH_DEF]
        load: _Load = getattr(import_module(f"costdb_tensorflow.{module}"), function)
        return load(source, binding)


class TensorflowFreezer:
    """Writes SavedModels, checkpoints and, where it is trusted, Keras' own files as GraphDefs."""

    name = "tensorflow"

    def sniff(self, source: Source) -> bool:
        """Whether the artifact is in one of TensorFlow's formats, and not frozen already."""
        return format_of(source) not in {None, Format.GRAPH_DEF}

    def freeze(self, source: Source, destination: Path, binding: Binding) -> None:
        """Write a frozen graph; see `costdb.plugins.Freezer`."""
        import_module("costdb_tensorflow.freezing").write_frozen(source, destination, binding)


@hookimpl
def costdb_loaders() -> list[Loader]:
    """The loader for TensorFlow's files."""
    return [TensorflowLoader()]


@hookimpl
def costdb_freezers() -> list[Freezer]:
    """The freezer for the same files."""
    return [TensorflowFreezer()]
