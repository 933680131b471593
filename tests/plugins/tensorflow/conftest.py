"""Loading TensorFlow files in tests."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from costdb.binding import Binding
from costdb.ir import Graph
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader

Load = Callable[..., Graph]


@pytest.fixture(autouse=True)
def _tensorflow_is_installed() -> None:
    """Skip where the framework that builds the models is missing, without importing it."""
    if find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")


@pytest.fixture
def load() -> Load:
    """Load a file; keyword arguments are those of `Binding.parse`."""

    def loaded(path: Path, **binding: Any) -> Graph:
        with Source(path) as source:
            return TensorflowLoader().load(source, Binding.parse(**binding))

    return loaded
