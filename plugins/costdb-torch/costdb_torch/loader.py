"""The loader: finds out which of PyTorch's formats a file has, and hands it on."""

from costdb.plugins import (
    Binding,
    BrokenArtifact,
    Graph,
    Source,
    TrustRequired,
    UnknownFormat,
)
from costdb_torch.archive import Archive, first_member
from costdb_torch.checkpoint import is_checkpoint, is_pickle, load_checkpoint, load_pickle
from costdb_torch.export_archive import is_export, load_export
from costdb_torch.factory import load_factory
from costdb_torch.safetensors import is_safetensors, load_safetensors
from costdb_torch.torchscript import is_torchscript, load_torchscript

_ZIP = b"PK\x03\x04"

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
        if source.is_directory:
            return False
        if source.read_at_most(0, len(_ZIP)) == _ZIP:
            return _is_torch_archive(source)
        return is_pickle(source) or is_safetensors(source)

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph of an artifact that `sniff` claimed.

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


def _is_torch_archive(source: Source) -> bool:
    try:
        with Archive.of(source) as archive:
            names = archive.names
    except BrokenArtifact:
        # Cut off: the list of members stood at the end. The first member still tells.
        first = f"/{first_member(source)}"
        return first.endswith("/data.pkl") or "/data/weights/" in first or "/data/0" in first
    return is_export(names) or is_torchscript(names) or is_checkpoint(names)


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
