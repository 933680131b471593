"""From an artifact of one of PyTorch's formats to its graph."""

from costdb.plugins import Binding, Graph, Source, TrustRequired, UnknownFormat
from costdb_torch.archive import Archive
from costdb_torch.checkpoint import load_checkpoint, load_pickle
from costdb_torch.export_archive import load_export
from costdb_torch.factory import load_factory
from costdb_torch.recognition import (
    is_checkpoint,
    is_export,
    is_pickle,
    is_safetensors,
    is_torchscript,
)
from costdb_torch.safetensors import load_safetensors
from costdb_torch.torchscript import load_torchscript

# The scheme of `package.module:factory`.
_PYTHON = "python"


def read_graph(source: Source, binding: Binding) -> Graph:
    """The graph of an artifact that `TorchLoader.sniff` claimed.

    Raises:
        TrustRequired: It is a program or pickle that would run code.
        ArtifactError: It is broken, or cannot be run.
        BindingError: An open size has no value, or a binding does not fit.
    """
    if source.scheme == _PYTHON:
        return load_factory(source, _trusted(source, binding))
    if is_safetensors(source):
        return load_safetensors(source)
    if is_pickle(source):
        return load_pickle(source)
    with Archive.of(source) as archive:
        if is_export(archive.names):
            return load_export(archive, binding)
        if is_torchscript(archive.names):
            return load_torchscript(source, _trusted(source, binding))
        if is_checkpoint(archive.names):
            return load_checkpoint(archive)
    raise UnknownFormat(
        f"{source.name!r} is an archive, but none that PyTorch writes",
        hint="export the model with torch.export.save",
    )


def _trusted(source: Source, binding: Binding) -> Binding:
    """The binding, if it says that code of the artifact may run. Raises TrustRequired."""
    if binding.trust:
        return binding
    what = (
        f"{source.location!r} is Python code"
        if source.scheme == _PYTHON
        else f"{source.name!r} is a TorchScript program"
    )
    raise TrustRequired(
        f"{what}: its layers are known only by running it",
        hint='export it, torch.export.save(torch.export.export(model, inputs), "model.pt2"),'
        " or add --trust",
    )
