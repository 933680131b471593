"""Operators of optimised graphs that do the work of several, taken apart again.

Grappler merges a convolution or matrix product with the bias, batch norm and activation behind it,
and lists them in `fused_ops`; the merged node reads data, weights, then what each of them needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from costdb.plugins import Layer, Role, Tensor
from costdb_tensorflow.operation import DOMAIN, Attributes, Operation
from costdb_tensorflow.spatial import (
    convolution_attributes,
    depthwise_attributes,
    normalization_attributes,
)

# What may follow: TensorFlow's name -> ONNX's, and its fixed attributes.
_ACTIVATIONS: dict[str, tuple[str, Attributes]] = {
    "Relu": ("Relu", {}),
    "Relu6": ("Clip", {"min": 0.0, "max": 6.0}),
    "Elu": ("Elu", {}),
    "LeakyRelu": ("LeakyRelu", {}),
    "Sigmoid": ("Sigmoid", {}),
    "Tanh": ("Tanh", {}),
    "GeluExact": ("Gelu", {}),
    "GeluApproximate": ("Gelu", {"approximate": "tanh"}),
}

# What follows and reads inputs of its own -> ONNX's name and how many.
_OPERANDS = {"BiasAdd": ("Add", 1), "Add": ("Add", 1), "FusedBatchNorm": ("BatchNormalization", 4)}


@dataclass(frozen=True, slots=True)
class _Step:
    """One of the merged operators: what it reads beside the result so far, and its attributes."""

    op: str
    operands: tuple[Tensor, ...] = ()
    attributes: Attributes = field(default_factory=dict)
    domain: str = ""


def fused_convolution(operation: Operation) -> tuple[Layer, ...]:
    """A convolution and what follows it."""
    attributes = convolution_attributes(operation)
    return _layers(operation, _Step("Conv", (operation.input(1),), attributes))


def fused_depthwise_convolution(operation: Operation) -> tuple[Layer, ...]:
    """A depthwise convolution and what follows it."""
    attributes = depthwise_attributes(operation)
    return _layers(operation, _Step("Conv", (operation.input(1),), attributes))


def fused_matrix_product(operation: Operation) -> tuple[Layer, ...]:
    """A matrix product and what follows it."""
    attributes: Attributes = {
        "transA": int(operation.flag("transpose_a")),
        "transB": int(operation.flag("transpose_b")),
    }
    return _layers(operation, _Step("MatMul", (operation.input(1),), attributes))


def fused_batch_normalization(operation: Operation) -> tuple[Layer, ...]:
    """A batch norm, a residual connection if there is one, and an activation."""
    if operation.flag("is_training"):
        return (operation.unmapped(),)
    attributes = normalization_attributes(operation)
    steps = [_Step("BatchNormalization", operation.inputs[1:5], attributes)]
    steps.extend(_Step("Add", (tensor,)) for tensor in operation.inputs[5:6])
    activation = operation.text("activation_mode")
    if activation in _ACTIVATIONS:
        op, fixed = _ACTIVATIONS[activation]
        steps.append(_Step(op, attributes=fixed))
    return _chained(operation, steps)


def _layers(operation: Operation, first: _Step) -> tuple[Layer, ...]:
    """The first operator, which reads two inputs, and those that `fused_ops` lists."""
    return _chained(operation, [first, *_followers(operation)])


def _followers(operation: Operation) -> Iterator[_Step]:
    position = 2
    for name in operation.texts("fused_ops"):
        if name in _OPERANDS:
            op, count = _OPERANDS[name]
            operands = operation.inputs[position : position + count]
            is_norm = op == "BatchNormalization"
            yield _Step(op, operands, normalization_attributes(operation) if is_norm else {})
            position += count
        elif name in _ACTIVATIONS:
            op, fixed = _ACTIVATIONS[name]
            slope: Attributes = {"alpha": operation.number("leakyrelu_alpha")}
            yield _Step(op, attributes=fixed | (slope if op == "LeakyRelu" else {}))
        else:
            yield _Step(name, domain=DOMAIN)


def _chained(operation: Operation, steps: Sequence[_Step]) -> tuple[Layer, ...]:
    """One layer for each step, each reading the result of the one before; all have one shape."""
    data = operation.input(0)
    layers = []
    for number, step in enumerate(steps, start=1):
        is_last = number == len(steps)
        outputs = operation.outputs
        if not is_last:
            name = f"{operation.output.name}:step{number}"
            outputs = (replace(operation.output, name=name, role=Role.ACTIVATION),)
        layers.append(
            operation.layer(
                step.op,
                (data, *step.operands),
                outputs,
                step.attributes,
                domain=step.domain,
                part="" if is_last else step.op,
            )
        )
        data = outputs[0]
    return tuple(layers)
