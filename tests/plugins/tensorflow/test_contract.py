"""What every loader promises."""

from pathlib import Path

import pytest
from builders import tensorflow_models as models

from costdb.binding import Binding
from costdb.testing import LoaderContract, Sample
from costdb_tensorflow import TensorflowLoader


class TestTensorflowLoader(LoaderContract):
    loader = TensorflowLoader()
    module = "costdb_tensorflow"

    @pytest.fixture
    def samples(self, tmp_path: Path) -> list[Sample]:
        dense = models.sequential((512,), models.dense(2048), models.relu(), models.dense(10))
        image = models.sequential((8, 8, 16), models.convolution(32, groups=4), models.relu())
        lstm = models.sequential((5, 32), models.keras().layers.LSTM(64))
        matrices = 4 * 64 * (32 + 64)
        return [
            *(
                Sample(
                    models.freeze(lstm, tmp_path / name, (None, 5, 32), lowered=lowered),
                    params=matrices + 4 * 64,
                    macs=5 * matrices,
                    bulk_bytes=4 * 64 * 4 * 64,
                )
                for name, lowered in (("functional.pb", False), ("frames.pb", True))
            ),
            Sample(
                models.freeze(dense, tmp_path / "dense.pb", (None, 512)),
                params=512 * 2048 + 2048 + 2048 * 10 + 10,
                macs=512 * 2048 + 2048 * 10,
                bulk_bytes=4 * 512 * 2048,
            ),
            Sample(
                models.freeze(image, tmp_path / "grouped.pb", (None, 8, 8, 16)),
                params=9 * 4 * 32 + 32,
                macs=2 * 64 * 9 * 4 * 32,
                binding=Binding.parse(inputs=["x=2x8x8x16"]),
            ),
        ]
