"""Contradictions between a node and its inputs that onnx's shape inference lets pass.

They come from inputs bound to sizes that the model was not exported for.
"""

import math
from collections.abc import Sequence

from costdb.plugins import format_shape
from costdb_onnx.model.facts import Fact
from costdb_onnx.model.region import Step


def contradiction(step: Step, inputs: Sequence[Fact | None], outputs: Sequence[Fact]) -> str | None:
    """What does not fit, in words; None where nothing is known to be wrong."""
    if step.domain or not inputs or inputs[0] is None:
        return None
    match step.op:
        case "Reshape":
            return _reshape(inputs[0], outputs)
        case "Conv":
            return _channels(inputs, axis=1, times=_group(step))
        case "ConvTranspose":
            return _channels(inputs, axis=0, times=1)
        case _:
            return None


def _reshape(data: Fact, outputs: Sequence[Fact]) -> str | None:
    if not outputs or not data.is_known or not outputs[0].is_known:
        return None
    before, after = _elements(data), _elements(outputs[0])
    if before == after:
        return None
    return (
        f"{before} elements cannot be reshaped to {format_shape(outputs[0].shape or ())},"
        f" which has {after}"
    )


def _channels(inputs: Sequence[Fact | None], axis: int, times: int) -> str | None:
    data, weights = inputs[0], inputs[1] if len(inputs) > 1 else None
    if data is None or weights is None or data.shape is None or weights.shape is None:
        return None
    if len(data.shape) < 2 or len(weights.shape) < 2:
        return None
    given, wanted = data.shape[1], weights.shape[axis]
    if given is None or wanted is None or given == wanted * times:
        return None
    return f"its weights are for {wanted * times} channels, its input has {given}"


def _elements(fact: Fact) -> int:
    return math.prod(size for size in fact.shape or () if size is not None)


def _group(step: Step) -> int:
    return next((item.i for item in step.node.attribute if item.name == "group"), 1)
