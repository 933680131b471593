"""Build the demo's models from keras.applications, frozen to `.pb`.

    python docs/demo/build_models.py FOLDER

`detector-v1.pb` is MobileNetV2 with a classifier of ten classes; `detector-v2.pb` is the same
trained again, so its weights differ and its structure does not; `detector-v3.pb` gained a block of
two convolutions in front of the classifier. `resnet50.pb` is ResNet50 as published.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def detector(*, extra_block: bool) -> keras.Model:
    """MobileNetV2 with a classifier, random weights, with or without two more convolutions."""
    backbone = keras.applications.MobileNetV2((224, 224, 3), weights=None, include_top=False)
    features = backbone.output
    if extra_block:
        for number in (1, 2):
            block = keras.layers.Conv2D(160, 3, padding="same", name=f"extra_conv{number}")
            features = block(features)
            features = keras.layers.BatchNormalization(name=f"extra_norm{number}")(features)
            features = keras.layers.ReLU(name=f"extra_relu{number}")(features)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    scores = keras.layers.Dense(10, activation="softmax", name="classifier")(pooled)
    return keras.Model(backbone.input, scores)


def freeze(model: keras.Model, path: Path) -> None:
    """Write a model as a frozen graph for a batch of one."""
    signature = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="image")
    function = tf.function(lambda image: model(image, training=False))
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(signature))
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())


def main() -> None:
    """Build every model that is not there yet."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    builders = {
        "detector-v1.pb": lambda: detector(extra_block=False),
        "detector-v2.pb": lambda: detector(extra_block=False),
        "detector-v3.pb": lambda: detector(extra_block=True),
        "resnet50.pb": lambda: keras.applications.ResNet50(weights=None),
    }
    for name, build in builders.items():
        path = folder / name
        if not path.exists():
            print(f"building {name}")
            # Names start anew with each model, as they do in each training run.
            keras.utils.clear_session()
            freeze(build(), path)


if __name__ == "__main__":
    main()
