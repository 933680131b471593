"""A node's attributes as the IR has them."""

from collections.abc import Callable, Mapping, Sequence

from onnx import AttributeProto, NodeProto

from costdb.plugins import SMALL_CONSTANT_ELEMENTS, AttributeValue
from costdb_onnx.model.facts import Fact
from costdb_onnx.model.region import Step

# Inputs that were attributes once, or are attributes of the same name elsewhere: operator ->
# input position -> attribute. Rules read the attribute, whatever the opset.
_FROM_INPUTS: dict[str, dict[int, str]] = (
    {
        "CumSum": {1: "axis"},
        "DFT": {1: "dft_length", 2: "axis"},
        "STFT": {1: "frame_step", 3: "frame_length"},
        "Squeeze": {1: "axes"},
        "Unsqueeze": {1: "axes"},
    }
    | {
        f"Reduce{kind}": {1: "axes"}
        for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum")
    }
    | {"ReduceSumSquare": {1: "axes"}}
)

_SCALARS = frozenset({"axis", "dft_length", "frame_length", "frame_step"})

# Before opset 13 these normalise all axes from `axis` on, by default from 1.
_FLATTENING = frozenset({"Hardmax", "LogSoftmax", "Softmax"})


def attribute_values(node: NodeProto) -> dict[str, AttributeValue]:
    """Numbers, text and short lists of them; tensors, graphs, types and longer lists are left out.

    A list of more than `SMALL_CONSTANT_ELEMENTS`, such as the nodes of a tree ensemble, is data.
    """
    values = ((item.name, _value(item)) for item in node.attribute)
    return {name: value for name, value in values if value is not None}


def layer_attributes(step: Step, inputs: Sequence[Fact | None]) -> Mapping[str, AttributeValue]:
    """The attributes in the form of the newest opset, as far as rules read them."""
    values = attribute_values(step.node)
    if is_channels_last(step):
        values["channel_axis"] = -1
    if step.domain:
        return values
    for position, name in _FROM_INPUTS.get(step.op, {}).items():
        fact = inputs[position] if position < len(inputs) else None
        numbers = None if fact is None else fact.integers
        if numbers is not None and name not in _SCALARS:
            values[name] = numbers
        elif numbers:
            values[name] = numbers[0]
    if step.op == "DFT" and step.opset < 20:
        # The first axis of the signal; without an axis, later opsets take the last one.
        values.setdefault("axis", 1)
    if step.op in _FLATTENING and step.opset < 13:
        values |= _flattened_axes(values.pop("axis", 1), inputs[0] if inputs else None)
    return values


def is_channels_last(step: Step) -> bool:
    """Whether an operator of ONNX Runtime takes its channels on the last axis."""
    if not step.domain:
        return False
    return step.op.startswith("Nhwc") or attribute_values(step.node).get("channels_last") == 1


def _flattened_axes(axis: AttributeValue, data: Fact | None) -> dict[str, AttributeValue]:
    if data is None or data.shape is None or not isinstance(axis, int):
        return {}
    rank = len(data.shape)
    return {"axes": tuple(range(axis + rank if axis < 0 else axis, rank))}


_READERS: dict[int, Callable[[AttributeProto], AttributeValue]] = {
    AttributeProto.FLOAT: lambda item: item.f,
    AttributeProto.INT: lambda item: item.i,
    AttributeProto.STRING: lambda item: _text(item.s),
    AttributeProto.FLOATS: lambda item: tuple(item.floats),
    AttributeProto.INTS: lambda item: tuple(item.ints),
    AttributeProto.STRINGS: lambda item: tuple(map(_text, item.strings)),
}


def _value(item: AttributeProto) -> AttributeValue | None:
    reader = _READERS.get(item.type or _type_by_content(item))
    value = None if reader is None else reader(item)
    is_long = isinstance(value, tuple) and len(value) > SMALL_CONSTANT_ELEMENTS
    return None if is_long else value


def _type_by_content(item: AttributeProto) -> int:
    """The type of an attribute from before IR version 2, when that was not written."""
    for field, kind in (
        ("f", AttributeProto.FLOAT),
        ("i", AttributeProto.INT),
        ("s", AttributeProto.STRING),
    ):
        if item.HasField(field):
            return kind
    if item.floats:
        return AttributeProto.FLOATS
    return AttributeProto.STRINGS if item.strings else AttributeProto.INTS


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
