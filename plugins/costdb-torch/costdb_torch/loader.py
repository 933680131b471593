"""The loader: finds out whether a file is PyTorch's, and hands it on."""

from costdb.plugins import Binding, Graph, Source
from costdb_torch.recognition import is_torch_file

# The scheme of `package.module:factory`.
_PYTHON = "python"


class TorchLoader:
    """Reads exported programs, TorchScript, factories of modules, and weights."""

    name = "torch"
    revision = 1
    suffixes = (".pt2", ".pt", ".pth", ".bin", ".safetensors")

    def sniff(self, source: Source) -> bool:
        """Whether the content is of one of PyTorch's formats."""
        if source.scheme == _PYTHON:
            return True
        return not source.is_directory and is_torch_file(source)

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph of an artifact that `sniff` claimed.

        Raises:
            TrustRequired: It is a program or pickle that would run code.
            ArtifactError: It is broken, or cannot be run.
            BindingError: An open size has no value, or a binding does not fit.
        """
        from costdb_torch.formats import read_graph  # noqa: PLC0415 - most files are others'

        return read_graph(source, binding)
