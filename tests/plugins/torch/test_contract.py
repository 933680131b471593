"""What every loader promises."""

from pathlib import Path

import pytest
from builders import torch_models as models

from costdb.binding import Binding
from costdb.testing import LoaderContract, Sample
from costdb_torch.loader import TorchLoader

torch = pytest.importorskip("torch", reason="it makes the files")
safetensors = pytest.importorskip("safetensors.torch", reason="it writes .safetensors")


class TestTorchLoader(LoaderContract):
    loader = TorchLoader()
    module = "costdb_torch"

    @pytest.fixture
    def samples(self, tmp_path: Path) -> list[Sample]:
        dense = torch.nn.Linear(512, 2048)
        dense_params = 512 * 2048 + 2048
        weights = dense.state_dict()
        torch.save(weights, tmp_path / "dense.pth")
        torch.save(weights, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
        safetensors.save_file(weights, tmp_path / "dense.safetensors")
        batch = {"x": {0: torch.export.Dim("batch")}}
        return [
            Sample(
                models.export_convnet(tmp_path / "convnet.pt2"),
                params=models.CONVNET_PARAMS,
                macs=models.CONVNET_MACS,
            ),
            Sample(
                models.export(
                    models.network(lambda self, x: self.dense(x), dense=dense),
                    (torch.randn(2, 512),),
                    tmp_path / "dense.pt2",
                    dynamic_shapes=batch,
                ),
                params=dense_params,
                macs=3 * 512 * 2048,
                binding=Binding.parse(inputs=["x=3x512"]),
                bulk_bytes=4 * 512 * 2048 - (1 << 17),
            ),
            *(
                Sample(tmp_path / name, params=dense_params, bulk_bytes=4 * 512 * 2048 - (1 << 17))
                for name in ("dense.pth", "old.pth", "dense.safetensors")
            ),
        ]
