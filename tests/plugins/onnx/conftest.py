"""Loading ONNX files in tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costdb.binding import Binding
from costdb.ir import Graph
from costdb.source import Source
from costdb_onnx import OnnxLoader

Load = Callable[..., Graph]


@pytest.fixture
def load() -> Load:
    """Load a file; keyword arguments are those of `Binding.parse`."""

    def loaded(path: Path, **binding: Any) -> Graph:
        with Source(path) as source:
            return OnnxLoader().load(source, Binding.parse(**binding))

    return loaded


@pytest.fixture
def light_zoo() -> Path:
    """The nine networks that come inside the onnx package, their weights cut down."""
    import onnx

    return Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
