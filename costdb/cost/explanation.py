"""Where a convention's total and costdb's part, layer by layer.

costdb's side is what the database holds: the deployed graph. The convention counts the file as it
is, so what folds at deployment is a difference like any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from costdb.contracts import ZERO, Counts, Coverage
from costdb.cost.convention import Convention
from costdb.cost.engine import cost, runs_one_body
from costdb.cost.result import LayerCost
from costdb.cost.rules import RuleTable, built_in_rules
from costdb.errors import CostError
from costdb.ir import Body, Graph, Layer, Shape, Uncountable

# Kinds of operations as a reason lists them.
_KINDS = {
    "dots": "2n - 1 a dot product",
    "adds": "additions",
    "muls": "multiplications",
    "divs": "divisions",
    "compares": "comparisons",
    "specials": "special functions",
}


@dataclass(frozen=True, slots=True)
class ExplainedLayer:
    """One layer, counted twice.

    Attributes:
        name: The file's name for it.
        op: The operator, with its domain where that is not ONNX's.
        scope: The module path.
        output_shape: Of its first output; None where that is unknown.
        costdb: costdb's number.
        convention: The convention's number; 0 where it cannot count the layer.
        reason: Why they part; empty where they do not.
        is_uncountable: Whether the file does not say what the convention needs.
    """

    name: str
    op: str
    scope: str
    output_shape: Shape | None
    costdb: int
    convention: int
    reason: str = ""
    is_uncountable: bool = False

    @property
    def difference(self) -> int:
        """The convention's number less costdb's."""
        return self.convention - self.costdb


@dataclass(frozen=True, slots=True)
class Explanation:
    """A graph, counted twice.

    Attributes:
        convention: How it is counted the second time.
        layers: In the order of `Graph.all_layers`.
        unknown_layers: How many layers costdb has no number for; its total is a lower bound if any.
    """

    convention: Convention
    layers: tuple[ExplainedLayer, ...]
    unknown_layers: int = 0

    @property
    def costdb_total(self) -> int:
        """The total of costdb: what the deployed model executes."""
        return sum(layer.costdb for layer in self.layers)

    @property
    def convention_total(self) -> int:
        """The convention's total over the file as it is."""
        return sum(layer.convention for layer in self.layers)

    @property
    def difference(self) -> int:
        """The convention's total less costdb's: the sum of the layers' differences."""
        return sum(layer.difference for layer in self.layers)

    @property
    def uncountable_layers(self) -> int:
        """How many layers the convention has no number for; its total is a lower bound if any."""
        return sum(layer.is_uncountable for layer in self.layers)


def explain(graph: Graph, convention: Convention, rules: RuleTable | None = None) -> Explanation:
    """Count a graph by costdb and by a convention.

    Args:
        graph: The model.
        convention: The other way to count.
        rules: How operators are counted; the core's rules if not given.

    Returns:
        Every layer with both numbers. Layers of a loop are counted as often as they run, and a
        branch that costdb does not take counts 0 on both sides.

    Raises:
        CostError: There is no graph to count, the convention is for another framework's files, or
            a number does not fit a 64-bit integer.
    """
    if graph.is_state_dict:
        raise CostError("the file holds weights only: there is no graph to count")
    if convention.framework not in {"", graph.framework}:
        raise CostError(
            f"{convention.name} counts {convention.framework} files, and this one is of"
            f" {graph.framework or 'another framework'}",
            hint="add --convention 2mac, which counts any file",
        )
    table = built_in_rules() if rules is None else rules
    deployed = cost(graph, table)
    return Explanation(
        convention,
        tuple(
            _explained(layer, counted, times, _counts(layer, table), convention)
            for layer, counted, times in _runs(graph, iter(deployed.layers))
        ),
        unknown_layers=deployed.coverage[Coverage.UNKNOWN],
    )


def _runs(
    graph: Graph, counted: Iterator[LayerCost], times: int = 1
) -> Iterator[tuple[Layer, LayerCost, int]]:
    """Each layer with its cost and how often it runs; 0 in a branch that is not taken."""
    for layer in graph.layers:
        yield layer, next(counted), times
        branches = [list(_runs(body.graph, counted, times * _trips(body))) for body in layer.bodies]
        # The engine leaves the operations of the costliest branch alone.
        taken = max(branches, key=_operations, default=[])
        for branch in branches:
            runs = branch is taken or not runs_one_body(layer)
            yield from (run if runs else (*run[:2], 0) for run in branch)


def _trips(body: Body) -> int:
    """How often the engine counts a body: once where data decide."""
    return 1 if body.trip_count is None else body.trip_count


def _operations(runs: list[tuple[Layer, LayerCost, int]]) -> int:
    return sum(counted.counts.operations for _, counted, _ in runs)


def _counts(layer: Layer, rules: RuleTable) -> Counts:
    """What costdb's rule counts of one run, nothing folded."""
    rule = rules.get((layer.domain, layer.op))
    try:
        return ZERO if rule is None else rule.count(layer)
    except Uncountable:
        return ZERO


def _explained(
    layer: Layer, counted: LayerCost, times: int, counts: Counts, convention: Convention
) -> ExplainedLayer:
    ours = counted[convention.metric]
    theirs, reason, is_uncountable = 0, "", False
    try:
        theirs = times * convention.count(layer, counts)
    except Uncountable as unknown:
        reason, is_uncountable = f"{convention.name} cannot count it: {unknown}", True
    if theirs != ours and not is_uncountable:
        formula = convention.formulas.get(counted.op, convention.formula)
        said = f"counts {formula}" if theirs else convention.omits
        reason = f"{convention.name} {said}; costdb {_own_way(counted, convention.metric)}"
        if convention.metric == "flops" and counted.counts.adds > times * counts.adds:
            reason += ", with the bias that folding leaves"
    return ExplainedLayer(
        name=counted.name,
        op=counted.op,
        scope=counted.scope,
        output_shape=counted.output_shapes[0] if counted.output_shapes else None,
        costdb=ours,
        convention=theirs,
        reason=reason,
        is_uncountable=is_uncountable,
    )


def _own_way(counted: LayerCost, metric: str) -> str:
    """How costdb comes to a layer's number, continuing "costdb ..."."""
    if counted.folded:
        return "folds it at deployment"
    if counted.coverage is Coverage.UNKNOWN:
        return "cannot count it"
    if metric == "flops" and counted.int_ops:
        return "counts integer operations apart"
    if not counted[metric]:
        return "counts nothing"
    if metric == "macs":
        return "counts multiply-accumulates"
    kinds = [text for kind, text in _KINDS.items() if getattr(counted.counts, kind)]
    return f"counts {' and '.join(filter(None, (', '.join(kinds[:-1]), kinds[-1])))}"
