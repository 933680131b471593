"""A TorchScript program as it is shipped: Silero VAD, which checks its input in Python."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from costdb.cost.engine import cost
from costdb.ir import Graph

pytest.importorskip("torch", reason="it runs TorchScript")

Load = Callable[..., Graph]


@pytest.mark.parametrize(
    ("samples", "rate", "macs"),
    [
        # An STFT of four frames as a convolution, four convolutions, an LSTM and a last neuron.
        pytest.param(
            512, 16000, 264_192 + 198_144 + 49_152 + 12_288 + 24_576 + 131_072 + 128, id="16 kHz"
        ),
        pytest.param(
            256, 8000, 66_560 + 99_840 + 49_152 + 12_288 + 24_576 + 131_072 + 128, id="8 kHz"
        ),
    ],
)
def test_silero(load: Load, samples: int, rate: int, macs: int) -> None:
    found = importlib.util.find_spec("silero_vad")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "data" / "silero_vad.jit"
    graph = load(path, inputs=[f"x=1x{samples}", f"sr:={rate}"], trust=True)
    result = cost(graph)
    assert result.unknown_ops == {}
    assert result.totals.macs == macs
