"""What every loader promises, of the formats in which TensorFlow saves a model for itself."""

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models

from costdb.binding import Binding
from costdb.testing import LoaderContract, Sample
from costdb_tensorflow import TensorflowLoader


class TestSavedFormats(LoaderContract):
    loader = TensorflowLoader()
    module = "costdb_tensorflow"

    @pytest.fixture(scope="class")
    @classmethod
    def samples(cls, tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
        import numpy as np

        tf = models.tensorflow()
        folder = tmp_path_factory.mktemp("formats")
        training = formats.train(folder, use_resource=True)
        # A constant lies in the graph itself, a variable beside it.
        constant = np.random.default_rng(models.SEED).normal(size=(64, 256)).astype(np.float32)
        w = tf.Variable(tf.random.normal((256, 10)))
        functions = {"serving_default": lambda x: tf.matmul(x, constant) @ w}
        saved = formats.save_functions(folder / "saved", functions, [w], 64)
        index = folder / "alone.index"
        index.write_bytes(training.file(".index").read_bytes())
        return [
            Sample(
                saved / "saved_model.pb",
                params=64 * 256 + 256 * 10,
                macs=64 * 256 + 256 * 10,
                bulk_bytes=4 * 64 * 256 - (1 << 16),
            ),
            Sample(
                training.file(".meta"),
                params=formats.WEIGHTS,
                macs=formats.MACS,
                binding=Binding.parse(outputs=["logits"]),
            ),
            Sample(index, params=formats.WEIGHTS),
        ]
