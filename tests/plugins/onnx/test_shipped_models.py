"""Models that real programs ship: control flow, recurrent layers, open sizes, many exporters.

Their shapes are compared with what ONNX Runtime makes of them, their MACs with sums over those
shapes or with closed forms.
"""

import importlib.util
import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import onnx

from costdb.contracts import Coverage
from costdb.cost.engine import cost
from costdb.cost.result import GraphCost
from costdb.errors import UnboundDimension
from costdb.ir import Graph

Load = Callable[..., Graph]


def shipped(package: str, relative: str) -> Path:
    """A file inside an installed package, which is not imported: it may need what is not here."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / relative


def counted(graph: Graph) -> GraphCost:
    result = cost(graph)
    assert result.unknown_ops == {}
    return result


def silero(filters: int, window: int, frames: int) -> int:
    """MACs of Silero VAD: an STFT as a convolution, four convolutions, an LSTM, a last neuron.

    Snakers4, Silero VAD v5: strides 1, 2, 2, 1, kernels of 3, 128 features and states.
    """
    transform = 2 * filters * window * frames
    halved = [math.ceil(frames / 2), math.ceil(frames / 4)]
    encoder = (128 * filters * frames + 64 * 128 * halved[0]) * 3
    encoder += (64 * 64 + 128 * 64) * 3 * halved[1]
    return transform + encoder + 4 * 128 * (128 + 128) + 128


# 512 samples and 64 before them, mirrored by 64 more: four frames of 256 samples every 128.
SILERO_16K = silero(129, 256, 4)
# 256 samples and 32 before them, mirrored by 32 more: four frames of 128 samples every 64.
SILERO_8K = silero(65, 128, 4)


def test_the_closed_form_itself() -> None:
    assert SILERO_16K == 264_192 + 198_144 + 49_152 + 12_288 + 24_576 + 131_072 + 128


@pytest.mark.parametrize(
    ("file", "binding", "macs"),
    [
        pytest.param(
            "silero_vad.onnx",
            {"inputs": ["input=1x576", "state=2x1x128", "sr:=16000"]},
            SILERO_16K,
            id="16 kHz: If by a value that was given",
        ),
        pytest.param(
            "silero_vad.onnx",
            {"inputs": ["input=1x288", "state=2x1x128", "sr:=8000"]},
            SILERO_8K,
            id="8 kHz: the other branch",
        ),
        pytest.param(
            "silero_vad_half.onnx", {"dims": ["sequence=576"]}, SILERO_16K, id="half precision"
        ),
        pytest.param(
            "silero_vad_16k_op15.onnx", {"dims": ["sequence=576"]}, SILERO_16K, id="opset 15"
        ),
        pytest.param(
            "silero_vad_op18_ifless.onnx",
            {"dims": ["sequence=576"], "inputs": ["sr:=16000"]},
            SILERO_16K,
            id="opset 18, the LSTM as Gemms",
        ),
        pytest.param("silero_vad_openvino_16k.onnx", {}, SILERO_16K, id="inlined functions"),
    ],
)
def test_silero(load: Load, file: str, binding: dict[str, list[str]], macs: int) -> None:
    result = counted(load(shipped("silero_vad", f"data/{file}"), **binding))
    assert result.totals.macs == macs
    assert {layer.coverage for layer in result.layers} == {Coverage.EXACT}


def test_silero_without_a_sampling_rate_is_bounded_by_its_branches(load: Load) -> None:
    path = shipped("silero_vad", "data/silero_vad.onnx")
    result = counted(load(path, inputs=["input=1x288", "state=2x1x128"]))
    assert Coverage.BOUNDED in {layer.coverage for layer in result.layers}


def test_magika(load: Load) -> None:
    result = counted(load(shipped("magika", "models/standard_v3_3/model.onnx")))
    # 2,048 bytes of 257 kinds embedded in 64 numbers each, four bytes a step; 512 filters over
    # five of the 512 steps, without padding; a dense layer to 214 types of files.
    assert result.totals.macs == 2048 * 257 * 64 + 508 * 512 * 5 * 256 + 512 * 214


@pytest.mark.parametrize(
    ("file", "binding"),
    [
        pytest.param(
            "PP-OCRv6_det_small.onnx",
            {"dims": ["DynamicDimension.1=96", "DynamicDimension.2=160"]},
            id="detection",
        ),
        pytest.param(
            "PP-OCRv6_rec_small.onnx", {"dims": ["DynamicDimension.1=160"]}, id="recognition"
        ),
        pytest.param(
            "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
            {"inputs": ["x=1x3x48x192"]},
            id="classification",
        ),
    ],
)
def test_rapidocr(load: Load, file: str, binding: dict[str, list[str]]) -> None:
    import numpy as np

    path = shipped("rapidocr", f"models/{file}")
    graph = load(path, **binding)
    feeds = {tensor.name: np.ones(tensor.sizes, np.float32) for tensor in graph.inputs}
    shapes = runtime_shapes(path, feeds)
    inferred = {tensor.name: tensor.shape for layer in graph.layers for tensor in layer.outputs}
    assert len(inferred) > 200
    assert inferred == {name: shapes[name] for name in inferred}
    assert counted(graph).totals.macs == product_macs(path, shapes)


@pytest.mark.parametrize(
    ("package", "file"),
    [
        pytest.param("silero_vad", "data/silero_vad.onnx", id="no names, a recurrent state"),
        pytest.param("silero_vad", "data/silero_vad_half.onnx", id="a sequence"),
        pytest.param("rapidocr", "models/PP-OCRv6_det_small.onnx", id="height and width"),
        pytest.param("rapidocr", "models/PP-OCRv6_rec_small.onnx", id="width"),
        pytest.param(
            "rapidocr", "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx", id="question marks"
        ),
    ],
)
def test_the_hint_for_open_sizes_works_as_it_is(load: Load, package: str, file: str) -> None:
    path = shipped(package, file)
    with pytest.raises(UnboundDimension) as caught:
        load(path)
    typed = shlex.split(caught.value.hint.removeprefix("add "))
    flags: dict[str, list[str]] = {"dims": [], "inputs": []}
    for flag, text in zip(typed[::2], typed[1::2], strict=True):
        flags[{"--dim": "dims", "--input": "inputs"}[flag]].append(text)
    assert counted(load(path, **flags)).totals.macs


def runtime_shapes(path: Path, feeds: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every value of a model, as ONNX Runtime computes it."""
    import onnxruntime

    model = onnx().load(path)
    stored = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    constants = {
        node.output[0]: tuple(node.attribute[0].t.dims)
        for node in model.graph.node
        if node.op_type == "Constant"
    }
    names = [name for node in model.graph.node for name in node.output if name not in constants]
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(
        onnx().ValueInfoProto(name=name) for name in names if name not in known
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    arrays = session.run(names, feeds)
    fed = {name: array.shape for name, array in feeds.items()}
    computed = {name: array.shape for name, array in zip(names, arrays, strict=True)}
    return stored | constants | fed | computed


def product_macs(path: Path, shapes: dict[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of the convolutions and matrix products of a model, by the book."""
    total = 0
    for node in onnx().load(path).graph.node:
        attributes = {item.name: onnx().helper.get_attribute_value(item) for item in node.attribute}
        given = [shapes[name] for name in node.input if name]
        outputs = math.prod(shapes[node.output[0]])
        match node.op_type:
            case "Conv":
                total += outputs * math.prod(given[1][1:])
            case "ConvTranspose":
                total += math.prod(given[0]) * math.prod(given[1][1:])
            case "MatMul":
                total += outputs * given[0][-1]
            case "Gemm":
                total += outputs * given[0][0 if attributes.get("transA") else 1]
            case _:
                pass
    return total
