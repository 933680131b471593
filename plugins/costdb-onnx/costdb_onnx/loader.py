"""The loader of `.onnx` files."""

from dataclasses import dataclass

from costdb.plugins import Binding, Graph, Source
from costdb_onnx.recognition import is_onnx_model


@dataclass(frozen=True, slots=True)
class OnnxLoader:
    """Reads ONNX models: structure, shapes and dtypes, never weights.

    Attributes:
        name: What `--loader` calls it.
        revision: Raised when the same file gives another graph than before.
        suffixes: Whose files it is tried on first.
    """

    name: str = "onnx"
    revision: int = 2
    suffixes: tuple[str, ...] = (".onnx",)

    def sniff(self, source: Source) -> bool:
        """Whether the content is an ONNX model, whole or cut off. Raises ArtifactUnreadable."""
        return is_onnx_model(source)

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph of a model at the sizes that a binding gives it.

        Raises:
            BrokenArtifact: The file is cut off, malformed or contradicts itself.
            BindingError: An open size has no value, or a binding does not fit the model.
            ArtifactUnreadable: The file cannot be read.
        """
        from costdb_onnx.model.reading import read_graph  # noqa: PLC0415 - imports onnx

        return read_graph(source, binding)
