"""Higher-order operators: calls that run graphs of their own."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from costdb.plugins import Body, Layer, Role, Tensor, assemble
from costdb_torch.frame import Frame, names_in, source_op
from costdb_torch.program import Node, ProgramGraph

LIBRARY = "higher_order"

# They run one graph once, under some setting that costs nothing.
_WRAPPERS = frozenset(
    {"hints_wrapper", "invoke_subgraph", "strict_mode", "tag_activation_checkpoint", "wrap"}
    | {"wrap_activation_checkpoint", "wrap_with_autocast", "wrap_with_set_grad_enabled"}
)


class GraphLowering(Protocol):
    """What lowers the graphs that are found here."""

    def run(self, frame: Frame) -> None:
        """Lower a frame's graph into its layers."""

    def results(self, frame: Frame, node: Node) -> list[Tensor]:
        """Make the tensors that a call yields."""

    def trip_count(self, loop: str) -> int | None:
        """How often a loop runs, as far as anyone said."""


def lower_higher_order(lowering: GraphLowering, frame: Frame, node: Node, op: str) -> None:
    """Lower a call that runs graphs: inlined, as a layer with bodies, or as an unknown operator.

    Args:
        lowering: Lowers the graphs.
        frame: The graph around the call.
        node: The call.
        op: The operator's name, such as "cond".
    """
    reader = repr(node.name)
    graphs = [item for item in node.arguments.values() if isinstance(item, ProgramGraph)]
    groups = [
        [frame.tensor(name, reader) for name in names_in((item,))]
        for item in node.arguments.values()
        if not isinstance(item, ProgramGraph)
    ]
    operands = [tensor for group in groups for tensor in group]
    for_branches = [tensor for group in groups[1:] for tensor in group]
    if op in _WRAPPERS and len(graphs) == 1 and _all_take(graphs, operands):
        _inline(lowering, frame, node, graphs[0], operands)
        return
    calls = _Calls(lowering, frame, node)
    if op == "cond" and len(graphs) == 2 and groups and _all_take(graphs, for_branches):
        # A condition on a shape is no tensor.
        calls.layer("If", groups[0], [calls.body([graph], [], for_branches) for graph in graphs])
    elif op == "while_loop" and len(groups) == 2 and _all_take(graphs, operands):
        carried, fixed = groups
        body = calls.body(graphs, carried, fixed, lowering.trip_count(frame.prefix + node.name))
        calls.layer("Loop", carried, [body])
    elif op == "scan" and len(groups) == 3 and groups[1] and _all_take(graphs, operands):
        initial, scanned, fixed = groups
        rows = [Tensor(whole.name, (whole.shape or ())[1:], whole.dtype) for whole in scanned]
        trips = scanned[0].shape[0] if scanned[0].shape else None
        body = calls.body(graphs, [*initial, *rows], fixed, trips)
        calls.layer("Scan", [*initial, *scanned], [body])
    else:
        calls.layer(op, operands, [], domain="aten")


def _all_take(graphs: Sequence[ProgramGraph], operands: Sequence[Tensor]) -> bool:
    """Whether all graphs have as many tensors for inputs as there are operands."""
    return all(len(list(names_in(graph.inputs))) == len(operands) for graph in graphs)


def _fed(graph: ProgramGraph, operands: Sequence[Tensor]) -> dict[str, Tensor]:
    """What the names of a graph's inputs stand for."""
    return dict(zip(names_in(graph.inputs), operands, strict=True))


def _inline(
    lowering: GraphLowering,
    frame: Frame,
    node: Node,
    graph: ProgramGraph,
    operands: Sequence[Tensor],
) -> None:
    """Put a graph's layers in place of the call."""
    results = list(names_in(node.outputs))
    handed_back = list(names_in(graph.outputs))
    inner = Frame(
        graph,
        _fed(graph, operands),
        names={
            name: frame.final_name(result)
            for name, result in zip(handed_back, results, strict=False)
        },
        prefix=f"{frame.prefix}{node.name}/",
        scope=node.scope or frame.scope,
    )
    lowering.run(inner)
    frame.layers.extend(inner.layers)
    frame.tensors.update(zip(results, inner.outputs(), strict=False))


class _Calls:
    """Makes the layer of one call, and its bodies."""

    def __init__(self, lowering: GraphLowering, frame: Frame, node: Node) -> None:
        self._lowering = lowering
        self._frame = frame
        self._node = node
        self._bodies = 0

    def body(
        self,
        graphs: Sequence[ProgramGraph],
        fed: Sequence[Tensor],
        captured: Sequence[Tensor],
        trip_count: int | None = 1,
    ) -> Body:
        """Graphs that run one after the other, as one body.

        Args:
            graphs: All take the same inputs.
            fed: What changes from trip to trip, and so is an input of the body.
            captured: What the body takes from around it.
            trip_count: How often it runs.
        """
        self._bodies += 1
        name = f"{self._frame.prefix}{self._node.name}/{self._bodies}/"
        inputs = [
            Tensor(f"{name}input_{position}", tensor.shape, tensor.dtype, Role.INPUT)
            for position, tensor in enumerate(fed)
        ]
        layers: list[Layer] = []
        outputs: list[Tensor] = []
        for number, graph in enumerate(graphs):
            inner = Frame(
                graph,
                _fed(graph, [*inputs, *captured]),
                prefix=f"{name}{number}/",
                scope=self._node.scope or self._frame.scope,
            )
            self._lowering.run(inner)
            layers += inner.layers
            outputs += inner.outputs()
        outside = {tensor.name for tensor in captured}
        return Body(assemble(layers, inputs=inputs, outputs=outputs, captured=outside), trip_count)

    def layer(
        self, op: str, inputs: Sequence[Tensor], bodies: Sequence[Body], domain: str = ""
    ) -> None:
        """Add the layer of the call to the graph around it."""
        self._frame.layers.append(
            Layer(
                name=self._frame.prefix + self._node.name,
                op=op,
                inputs=tuple(inputs),
                outputs=tuple(self._lowering.results(self._frame, self._node)),
                domain=domain,
                scope=self._node.scope or self._frame.scope,
                source_op=source_op(self._node.target),
                source_module=self._node.module,
                bodies=tuple(bodies),
                captures=tuple(_captures(bodies)),
            )
        )


def _captures(bodies: Sequence[Body]) -> Iterator[Tensor]:
    """What bodies read and do not make, each tensor once."""
    seen: set[str] = set()
    for body in bodies:
        made = {tensor.name for layer in body.graph.layers for tensor in layer.outputs}
        made |= {tensor.name for tensor in body.graph.inputs}
        for tensor in body.graph.tensors():
            if tensor.name not in made | seen:
                seen.add(tensor.name)
                yield tensor
