"""From a graph to what it costs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from costdb.contracts import COUNT_NAMES, ZERO, Counts, Coverage, Rule
from costdb.cost import RULES
from costdb.cost.folding import Folding, fold
from costdb.cost.memory import live_bytes
from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost, LayerCost, Totals, View
from costdb.cost.roles import assign_roles
from costdb.cost.rules import RuleTable, built_in_rules
from costdb.cost.unsupported import UNSUPPORTED
from costdb.cost.weights import WeightLedger, Weights
from costdb.errors import CostError
from costdb.ir import Body, Graph, Layer, Tensor, Uncountable

# What runs other graphs: it computes nothing itself, and the layers of its bodies are counted.
CONTROL_FLOW = frozenset({("", "If"), ("", "Loop"), ("", "Scan"), ("", "SequenceMap")})

# What a signed 64-bit column of a database holds.
LARGEST_NUMBER = 2**63 - 1


def cost(graph: Graph, rules: RuleTable | None = None, view: View = View.DEPLOYED) -> GraphCost:
    """What a graph costs, layer by layer and in total.

    The layers of a control-flow layer's bodies follow it, times the trip count. Of alternative
    branches the costlier one counts.

    Args:
        graph: The model.
        rules: How operators are counted; the core's rules if not given.
        view: Whether layers that deployment merges or computes beforehand cost nothing.

    Returns:
        Layer costs in the order of `Graph.all_layers`, and totals. Of a state dict, the totals that
        need a graph are None.

    Raises:
        CostError: A number does not fit a 64-bit integer, or a rule counts what cannot be.
    """
    table = built_in_rules() if rules is None else rules
    ledger = WeightLedger(assign_roles(graph, table))
    layers = tuple(_Run(graph, table, view, ledger).layer_costs())
    for layer in layers:
        _check_range(f"layer {layer.name!r}", layer)
    totals = _totals(graph, layers, ledger.rest((*graph.outputs, *graph.unread)))
    _check_range("the whole model", totals)
    return GraphCost(RULES, view, totals, layers)


class _Run:
    """One pass over a graph, the whole model or a body, with what its layers' costs depend on."""

    def __init__(
        self,
        graph: Graph,
        rules: RuleTable,
        view: View,
        ledger: WeightLedger,
        outer_constants: frozenset[str] = frozenset(),
    ) -> None:
        self.graph = graph
        self.table = rules
        self.view = view
        self.ledger = ledger
        self.rules = [rules.get((layer.domain, layer.op)) for layer in graph.layers]
        self.counted = [
            _count(layer, rule) for layer, rule in zip(graph.layers, self.rules, strict=True)
        ]
        known = {
            position: counts
            for position, (counts, coverage, _) in enumerate(self.counted)
            if coverage is not Coverage.UNKNOWN
        }
        deployed = fold(graph, known, outer_constants)
        self.computed_beforehand = deployed.computed_beforehand
        self.constants = frozenset(deployed.constants)
        self.folding = deployed if view is View.DEPLOYED else Folding()

    def layer_costs(self) -> Iterator[LayerCost]:
        live = live_bytes(self.graph, self._aliases(), self._activation_bytes)
        for position, layer in enumerate(self.graph.layers):
            yield self._layer_cost(position, live[position])
            if layer.bodies:
                yield from self._bodies(layer, live[position])

    def _layer_cost(self, position: int, live: int) -> LayerCost:
        layer = self.graph.layers[position]
        _, coverage, note = self.counted[position]
        weights = self.ledger.claim(
            layer, only_prepares=position in self.computed_beforehand and bool(layer.outputs)
        )
        counts, accesses, traffic, activations = self._execution(position)
        return LayerCost(
            name=layer.name,
            op=layer.qualified_op,
            scope=layer.scope,
            input_shapes=tuple(None if t is None else t.shape for t in layer.inputs),
            output_shapes=tuple(tensor.shape for tensor in layer.outputs),
            dtype=layer.compute_dtype,
            coverage=coverage,
            counts=counts,
            params=weights.params,
            buffers=weights.buffers,
            weight_bytes=weights.bytes,
            memory_accesses=accesses,
            traffic_bytes=traffic,
            activation_bytes=activations,
            live_bytes=live,
            folded=position in self.folding,
            note=note,
        )

    def _bodies(self, layer: Layer, live_around: int) -> Iterator[LayerCost]:
        """The layers of a control-flow layer's bodies, as often as they run."""
        runs = [
            [_repeated(entry, layer, body, live_around) for entry in self._body_costs(body)]
            for body in layer.bodies
        ]
        costliest = max(runs, key=_operations)
        for entries in runs:
            if len(runs) == 1 or not runs_one_body(layer):
                yield from entries
            elif entries is costliest:
                note = f"data decide which branch of {layer.name} runs"
                yield from (_bounded(entry, note) for entry in entries)
            else:
                yield from (_not_taken(entry, layer) for entry in entries)

    def _body_costs(self, body: Body) -> Iterator[LayerCost]:
        run = _Run(body.graph, self.table, self.view, self.ledger, self.constants)
        return run.layer_costs()

    def _execution(self, position: int) -> tuple[Counts, int, int, int]:
        """Counts, memory accesses, traffic bytes and activation bytes of one layer as run."""
        layer = self.graph.layers[position]
        counts, _, _ = self.counted[position]
        if position in self.folding:
            return ZERO, 0, 0, 0
        if self._is_view(position) or (layer.domain, layer.op) in CONTROL_FLOW:
            return counts, 0, 0, 0
        accesses = _accesses(layer, self.rules[position])
        read = {tensor.name: tensor for tensor in layer.reads}
        traffic = _bytes(read.values()) + _bytes(layer.outputs)
        if position in self.folding.hosts and not layer.has_input(2):
            # What was merged into the layer left it a bias, a value for each channel.
            output, channels = layer.output, self.folding.hosts[position]
            counts += Counts(adds=output.numel)
            accesses += channels
            traffic += channels * (output.dtype.bits if output.dtype else 0) // 8
        return counts, accesses, traffic, sum(map(self._activation_bytes, layer.outputs))

    def _is_view(self, position: int) -> bool:
        rule = self.rules[position]
        return rule is not None and rule.is_view

    def _aliases(self) -> dict[str, str]:
        """Outputs that are another tensor's memory: those of views and of merged layers."""
        aliases = {}
        for position, layer in enumerate(self.graph.layers):
            if position in self.folding.merged:
                aliases[layer.output.name] = self.folding.merged[position].name
            elif self._is_view(position) and layer.has_input(0):
                aliases.update((tensor.name, layer.input(0).name) for tensor in layer.outputs)
        return aliases

    def _activation_bytes(self, tensor: Tensor) -> int:
        """Bytes of a tensor; 0 for weights and what is computed from them beforehand."""
        if tensor.name in self.ledger.roles or tensor.name in self.folding.constants:
            return 0
        return tensor.nbytes or 0


def runs_one_body(layer: Layer) -> bool:
    """Whether a layer's bodies are alternatives; those of any other layer are all run."""
    return not layer.domain and layer.op == "If"


def _count(layer: Layer, rule: Rule | None) -> tuple[Counts, Coverage, str]:
    """What the rules say of one layer before folding, how well, and why not better."""
    if rule is None:
        if (layer.domain, layer.op) in CONTROL_FLOW:
            return ZERO, Coverage.EXACT, ""
        reason = UNSUPPORTED.get((layer.domain, layer.op))
        return ZERO, Coverage.UNKNOWN, reason or f"no rule counts {layer.qualified_op}"
    try:
        counts = rule.count(layer)
    except Uncountable as reason:
        return ZERO, Coverage.UNKNOWN, str(reason)
    _check_counts(layer, counts)
    bound = next((t for t in (*layer.reads, *layer.outputs) if t.is_upper_bound), None)
    if bound is not None:
        return counts, Coverage.BOUNDED, f"the size of {bound.name!r} depends on data"
    return counts, rule.coverage, ""


def _check_counts(layer: Layer, counts: Counts) -> None:
    impossible = next((name for name in COUNT_NAMES if getattr(counts, name) < 0), "")
    if not impossible and counts.dots <= counts.macs:
        return
    said = f"{getattr(counts, impossible)} {impossible}" if impossible else "more dots than macs"
    raise CostError(
        f"the rule for {layer.qualified_op} counts {said} in layer {layer.name!r}",
        hint="report it to the authors of the rule; costdb plugins lists who else has rules",
    )


def _repeated(entry: LayerCost, layer: Layer, body: Body, live_around: int) -> LayerCost:
    """A body's layer as often as it runs, beside what lives around the body."""
    times = 1 if body.trip_count is None else body.trip_count
    repeated = replace(
        entry,
        counts=entry.counts * times,
        memory_accesses=entry.memory_accesses * times,
        traffic_bytes=entry.traffic_bytes * times,
        activation_bytes=entry.activation_bytes * times,
        live_bytes=entry.live_bytes + live_around,
    )
    if body.trip_count is not None:
        return repeated
    return _bounded(repeated, f"data decide how often it runs; --trip {layer.name}=N")


def _not_taken(entry: LayerCost, layer: Layer) -> LayerCost:
    """A layer of a branch that costs less than another one; its weights count all the same."""
    return replace(
        entry,
        counts=ZERO,
        memory_accesses=0,
        traffic_bytes=0,
        activation_bytes=0,
        live_bytes=0,
        note=f"another branch of {layer.name} costs more",
    )


def _bounded(entry: LayerCost, note: str) -> LayerCost:
    if entry.coverage is Coverage.UNKNOWN:
        return entry
    return replace(entry, coverage=Coverage.BOUNDED, note=note)


def _operations(entries: Iterable[LayerCost]) -> int:
    return sum(entry.counts.operations for entry in entries)


def _totals(graph: Graph, layers: tuple[LayerCost, ...], rest: Weights) -> Totals:
    sums = {metric: sum(layer[metric] for layer in layers) for metric in ADDITIVE_METRICS}
    sums["params"] += rest.params
    sums["buffers"] += rest.buffers
    sums["weight_bytes"] += rest.bytes
    peak = max((layer.live_bytes for layer in layers), default=0)
    values: dict[str, int | None] = {
        **sums,
        "peak_activation_bytes": peak,
        "peak_memory_bytes": sums["weight_bytes"] + peak,
        "layers": len(layers),
        "unknown_layers": sum(layer.coverage is Coverage.UNKNOWN for layer in layers),
    }
    if graph.is_state_dict:
        stored = {"params", "buffers", "weight_bytes"}
        values = {name: value if name in stored else None for name, value in values.items()}
    return Totals(**values)  # type: ignore[arg-type] # the first three are never None


def _accesses(layer: Layer, rule: Rule | None) -> int:
    """Element reads and writes without reuse; unknown sizes count as 0."""
    try:
        if rule is not None and rule.accesses is not None:
            return rule.accesses(layer)
    except Uncountable:
        pass
    return sum(_numel(tensor) for tensor in (*layer.reads, *layer.outputs))


def _numel(tensor: Tensor) -> int:
    try:
        return tensor.numel
    except Uncountable:
        return 0


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes or 0 for tensor in tensors)


def _check_range(where: str, numbers: LayerCost | Totals) -> None:
    if isinstance(numbers, LayerCost):
        items = [(name, getattr(numbers.counts, name)) for name in COUNT_NAMES]
        items += [(name, numbers[name]) for name in (*ADDITIVE_METRICS, "live_bytes")]
    else:
        items = [(name, numbers[name] or 0) for name in METRICS]
    for name, value in items:
        if value > LARGEST_NUMBER:
            raise CostError(
                f"{where} has {name} of {value:.3g}, more than a 64-bit integer holds",
                hint="bind smaller dimensions with --dim or --input",
            )
