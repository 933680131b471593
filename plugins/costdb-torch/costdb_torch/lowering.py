"""From an ATen program to layers.

Programs of `torch.export` are not functional: `relu_` changes its input, and `x[:, 0] = y` writes
through a view. A layer cannot change its input, so a call that writes to a tensor yields a new
one, and one that writes through a view is followed by a layer that puts the part into the whole.
"""

import re
from collections.abc import Mapping, Sequence

from costdb.plugins import MAX_LAYERS, BrokenArtifact, DType, Layer, Role, Tensor
from costdb_torch import control_flow
from costdb_torch.calls import Call, Value
from costdb_torch.frame import Frame, names_in, source_op
from costdb_torch.operators import Operator, operator_of
from costdb_torch.program import Argument, Node, ProgramGraph, SymbolReference, TensorReference
from costdb_torch.sizes import Sizes


class Lowering:
    """Lowers the graphs of one program.

    Args:
        sizes: Evaluates the program's sizes.
        trips: Name of a loop -> how often it runs.

    Attributes:
        loops: Names of the loops that were met.
    """

    def __init__(self, sizes: Sizes, trips: Mapping[str, int]) -> None:
        self.loops: list[str] = []
        self._sizes = sizes
        self._trips = trips
        self._calls = 0

    def run(self, frame: Frame) -> None:
        """Lower a frame's graph into its layers.

        Raises:
            BrokenArtifact: A call reads what nothing produces, or there is no end of calls.
        """
        self._calls += len(frame.graph.nodes)
        if self._calls > MAX_LAYERS:
            raise BrokenArtifact(
                f"the program makes more than {MAX_LAYERS:,} calls",
                hint="no network has so many layers: export it again",
            )
        read = set(names_in(frame.graph.outputs))
        for node in frame.graph.nodes:
            read.update(names_in(node.arguments.values()))
        for node in frame.graph.nodes:
            # Assertions and arithmetic on sizes yield no tensor.
            if any(True for _ in names_in(node.outputs)):
                self._lower(frame, node, read)

    def results(
        self,
        frame: Frame,
        node: Node,
        operator: str = "",
        arguments: Mapping[str, Value] | None = None,
    ) -> list[Tensor]:
        """Make the tensors that a call yields, and let its results' names stand for them."""
        tensors = []
        for name in names_in(node.outputs):
            meta = frame.graph.meta(name)
            self._sizes.take_bounds(meta, operator, arguments or {})
            final, role = frame.final_name(name)
            bounded = self._sizes.is_upper_bound(meta)
            shape = self._sizes.shape(meta)
            frame.tensors[name] = Tensor(final, shape, meta.dtype, role, is_upper_bound=bounded)
            tensors.append(frame.tensors[name])
        return tensors

    def trip_count(self, loop: str) -> int | None:
        """How often a loop runs, as far as anyone said."""
        self.loops.append(loop)
        return self._trips.get(loop)

    def _lower(self, frame: Frame, node: Node, read: set[str]) -> None:
        library, op, overload = _operator_name(node.target)
        if library == control_flow.LIBRARY:
            control_flow.lower_higher_order(self, frame, node, op)
            return
        writes = op.endswith("_") and not op.endswith("__")
        name = op.removesuffix("_") if writes else op
        if library:
            name = f"{library}.{name}"
        arguments = {key: self._value(frame, node, item) for key, item in node.arguments.items()}
        outputs = self.results(frame, node, name, arguments)
        operator = operator_of(name, overload, Call(arguments, tuple(outputs)))
        if operator.optional_outputs:
            names = list(names_in(node.outputs))
            outputs = [outputs[i] for i, name in enumerate(names) if i == 0 or name in read]
        frame.layers.append(_layer(frame, node, operator, Call(arguments, tuple(outputs))))
        self._follow_views(frame, node, operator, writes=writes)

    def _value(self, frame: Frame, node: Node, argument: Argument) -> Value:
        """An argument with its tensors and numbers in place."""
        match argument:
            case TensorReference(name):
                return frame.tensor(name, repr(node.name))
            case SymbolReference(name):
                size = frame.graph.symbols.get(name)
                return None if size is None else self._sizes.value(size)
            case ProgramGraph():
                return None
            case tuple():
                return tuple(self._value(frame, node, item) for item in argument)
            case _:
                return argument

    def _follow_views(self, frame: Frame, node: Node, operator: Operator, *, writes: bool) -> None:
        """Remember what a view is a part of; put what was written to a part into the whole."""
        first = next(iter(node.arguments.values()), None)
        if not isinstance(first, TensorReference):
            return
        whole = frame.wholes.get(first.name)
        results = list(names_in(node.outputs))
        if operator.is_view:
            frame.wholes |= dict.fromkeys(results, whole or first.name)
        elif writes and whole:
            frame.wholes[results[0]] = whole
            _write_back(frame, node, whole, frame.tensors[results[0]])


def _write_back(frame: Frame, node: Node, whole: str, part: Tensor) -> None:
    """Let the name of a whole stand for what it is after a part was written."""
    old = frame.tensor(whole, repr(node.name))
    role = Role.OUTPUT if old.role is Role.OUTPUT else Role.ACTIVATION
    new = Tensor(f"{part.name}/{whole}", old.shape, old.dtype, role)
    frame.tensors[whole] = new
    frame.layers.append(
        Layer(
            name=f"{frame.prefix}{node.name}/{whole}",
            op="ScatterND",
            inputs=(old, part),
            outputs=(new,),
            scope=node.scope or frame.scope,
            compute_dtype=new.dtype,
            source_op=source_op(node.target),
            source_module=node.module,
        )
    )


_TARGET = re.compile(r"torch\.ops\.(?P<library>\w+)\.(?P<op>\w+?)(?:\.(?P<overload>\w+))?")


def _operator_name(target: str) -> tuple[str, str, str]:
    """Library ("" for ATen), operator and overload of what is called."""
    match = _TARGET.fullmatch(target)
    if match is None:
        return "", target, ""
    library = "" if match["library"] == "aten" else match["library"]
    return library, match["op"], match["overload"] or ""


def _layer(frame: Frame, node: Node, operator: Operator, call: Call) -> Layer:
    inputs = call.tensors() if operator.inputs is None else call.given(*operator.inputs)
    return Layer(
        name=frame.prefix + node.name,
        op=operator.op,
        inputs=inputs,
        outputs=call.outputs,
        domain=operator.domain,
        scope=node.scope or frame.scope,
        attributes=operator.attributes(call),
        compute_dtype=_compute_dtype(inputs, call),
        source_op=source_op(node.target),
        source_module=node.module,
    )


def _compute_dtype(inputs: Sequence[Tensor | None], call: Call) -> DType | None:
    """The first floating type that is read, else the result's type.

    Indices and masks stand beside the data, and comparisons of floats yield booleans.
    """
    types = [tensor.dtype for tensor in inputs if tensor is not None and tensor.dtype is not None]
    return next((dtype for dtype in types if dtype.is_floating), call.output.dtype)
