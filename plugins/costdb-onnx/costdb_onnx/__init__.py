"""ONNX models for costdb.

Importing this package imports no framework: `onnx` is loaded with the first model that is read.
"""

from collections.abc import Sequence

from costdb.plugins import Loader, hookimpl
from costdb_onnx.loader import OnnxLoader

__all__ = ["OnnxLoader", "costdb_loaders"]


@hookimpl
def costdb_loaders() -> Sequence[Loader]:
    """The one loader of this plugin."""
    return [OnnxLoader()]
