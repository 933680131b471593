"""Loading PyTorch's files in tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costdb.binding import Binding
from costdb.ir import Graph
from costdb.source import Source
from costdb_torch.loader import TorchLoader

Load = Callable[..., Graph]


@pytest.fixture
def load() -> Load:
    """Load a file; keyword arguments are those of `Binding.parse`."""

    def loaded(location: Path | str, **binding: Any) -> Graph:
        with Source(location) as source:
            return TorchLoader().load(source, Binding.parse(**binding))

    return loaded
