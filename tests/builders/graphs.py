"""Layers and graphs in a line, for tests of the cost engine."""

from costdb.cost.engine import cost
from costdb.cost.result import GraphCost, View
from costdb.ir import AttributeValue, DType, Graph, Layer, Role, Shape, Tensor, assemble


def activation(name: str, *sizes: int | None, dtype: DType = DType.FLOAT32) -> Tensor:
    return Tensor(name, sizes, dtype)


def fed(name: str, *sizes: int, dtype: DType = DType.FLOAT32) -> Tensor:
    return Tensor(name, sizes, dtype, Role.INPUT)


def stored(name: str, *sizes: int, dtype: DType = DType.FLOAT32) -> Tensor:
    return Tensor(name, sizes, dtype, Role.STORED)


def layer(
    op: str,
    inputs: list[Tensor | None],
    output: Tensor,
    *,
    domain: str = "",
    name: str = "",
    **attributes: AttributeValue,
) -> Layer:
    return Layer(
        name or output.name,
        op,
        tuple(inputs),
        (output,),
        domain=domain,
        attributes=attributes,
        compute_dtype=output.dtype,
    )


def shaped(op: str, *shapes: Shape, domain: str = "", **attributes: AttributeValue) -> Layer:
    """A layer by the shapes of its inputs; the last shape is its output's."""
    inputs = [Tensor(f"x{i}", shape, DType.FLOAT32) for i, shape in enumerate(shapes[:-1])]
    output = Tensor("y", shapes[-1], DType.FLOAT32)
    return Layer(
        "y",
        op,
        tuple(inputs),
        (output,),
        domain=domain,
        attributes=attributes,
        compute_dtype=DType.FLOAT32,
    )


def graph(layers: list[Layer], outputs: list[Tensor] | None = None) -> Graph:
    """A graph whose inputs are what has that role, and whose output is the last layer's."""
    reads = [tensor for entry in layers for tensor in entry.reads]
    inputs = list({t.name: t for t in reads if t.role is Role.INPUT}.values())
    return assemble(
        layers, inputs=inputs, outputs=outputs or [layers[-1].output], file_format="test"
    )


def costed(layers: list[Layer], view: View = View.DEPLOYED) -> GraphCost:
    return cost(graph(layers), view=view)
