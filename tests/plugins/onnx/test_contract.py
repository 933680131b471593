"""What every loader promises."""

from pathlib import Path

import pytest
from builders import onnx_models as models

from costdb.binding import Binding
from costdb.testing import LoaderContract, Sample
from costdb_onnx import OnnxLoader


class TestOnnxLoader(LoaderContract):
    loader = OnnxLoader()
    module = "costdb_onnx"

    @pytest.fixture
    def samples(self, tmp_path: Path) -> list[Sample]:
        return [
            Sample(
                models.save_conv(
                    tmp_path / "conv.onnx", ("batch", 3, 224, 224), (32, 3, 3, 3), stride=2, pads=1
                ),
                params=32 * 3 * 3 * 3 + 32,
                macs=2 * 112 * 112 * 32 * 27,
                binding=Binding.parse(dims=["batch=2"]),
            ),
            Sample(
                models.save_gemm(tmp_path / "dense.onnx", 1, 512, 2048),
                params=512 * 2048 + 2048,
                macs=512 * 2048,
                bulk_bytes=4 * 512 * 2048 - 2**16,
            ),
            Sample(
                models.save_conv_bn_relu(tmp_path / "norm.onnx", (1, 16, 8, 8), (8, 16, 3, 3)),
                params=8 * 16 * 9 + 2 * 8,
                macs=6 * 6 * 8 * 16 * 9,
            ),
        ]
