"""From a graph to what it costs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from costdb.contracts import COUNT_NAMES, ZERO, Counts, Coverage, Rule
from costdb.cost import RULES
from costdb.cost.folding import Folding, fold
from costdb.cost.memory import live_bytes
from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost, LayerCost, Totals, View
from costdb.cost.roles import assign_roles
from costdb.cost.rules import RuleTable, built_in_rules
from costdb.errors import CostError
from costdb.ir import Graph, Layer, Role, Tensor, Uncountable

# What a signed 64-bit column of a database holds.
LARGEST_NUMBER = 2**63 - 1


def cost(graph: Graph, rules: RuleTable | None = None, view: View = View.DEPLOYED) -> GraphCost:
    """What a graph costs, layer by layer and in total.

    Args:
        graph: The model.
        rules: How operators are counted; the core's rules if not given.
        view: Whether layers that deployment merges or computes beforehand cost nothing.

    Returns:
        Layer costs in the graph's order, and totals. Of a state dict, the totals that need a graph
        are None.

    Raises:
        CostError: A number does not fit a 64-bit integer.
    """
    costing = _Costing(graph, built_in_rules() if rules is None else rules, view)
    layers = tuple(costing.layer_costs())
    for layer in layers:
        _check_range(f"layer {layer.name!r}", layer)
    totals = costing.totals(layers)
    _check_range("the whole model", totals)
    return GraphCost(RULES, view, totals, layers)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the rules say of one layer, before folding."""

    counts: Counts
    coverage: Coverage
    note: str = ""


def _count(layer: Layer, rule: Rule | None) -> _Counted:
    if rule is None:
        return _Counted(ZERO, Coverage.UNKNOWN, f"no rule counts {layer.qualified_op}")
    try:
        counts = rule.count(layer)
    except Uncountable as reason:
        return _Counted(ZERO, Coverage.UNKNOWN, str(reason))
    bound = next((t for t in (*layer.reads, *layer.outputs) if t.is_upper_bound), None)
    if bound is not None:
        return _Counted(counts, Coverage.BOUNDED, f"the size of {bound.name!r} depends on data")
    return _Counted(counts, rule.coverage)


class _Costing:
    """One run over a graph: what the costs of its layers depend on."""

    def __init__(self, graph: Graph, rules: RuleTable, view: View) -> None:
        self.graph = graph
        self.rules = [rules.get((layer.domain, layer.op)) for layer in graph.layers]
        self.counted = [
            _count(layer, rule) for layer, rule in zip(graph.layers, self.rules, strict=True)
        ]
        self.roles = assign_roles(graph, rules)
        deployed = fold(graph, self._known_counts())
        self.folding = deployed if view is View.DEPLOYED else Folding()
        self.computed_beforehand = deployed.computed_beforehand
        # Weights are counted once, where they are mentioned first.
        self.unseen = set(self.roles)
        # Name of a tensor that is computed from weights alone -> the weights in it that no layer
        # has been charged with yet.
        self.carried: dict[str, list[Tensor]] = {}

    def _known_counts(self) -> dict[int, Counts]:
        return {
            position: counted.counts
            for position, counted in enumerate(self.counted)
            if counted.coverage is not Coverage.UNKNOWN
        }

    def layer_costs(self) -> Iterator[LayerCost]:
        live = live_bytes(self.graph, self._aliases(), self._activation_bytes)
        for position, layer in enumerate(self.graph.layers):
            counted = self.counted[position]
            weights = self._claim_weights(position)
            counts, accesses, traffic, activations = self._execution(position)
            yield LayerCost(
                name=layer.name,
                op=layer.qualified_op,
                scope=layer.scope,
                input_shapes=tuple(None if t is None else t.shape for t in layer.inputs),
                output_shapes=tuple(tensor.shape for tensor in layer.outputs),
                dtype=layer.compute_dtype,
                coverage=counted.coverage,
                counts=counts,
                params=self._elements(weights, Role.PARAMETER),
                buffers=self._elements(weights, Role.BUFFER),
                weight_bytes=_bytes(weights),
                memory_accesses=accesses,
                traffic_bytes=traffic,
                activation_bytes=activations,
                live_bytes=live[position],
                folded=position in self.folding,
                note=counted.note,
            )

    def totals(self, layers: tuple[LayerCost, ...]) -> Totals:
        """Sums over the layers, and what no layer reads. Call it after `layer_costs`."""
        rest = list(self._first_mentioned((*self.graph.outputs, *self.graph.unread)))
        rest += [weight for carried in self.carried.values() for weight in carried]
        sums = {metric: sum(layer[metric] for layer in layers) for metric in ADDITIVE_METRICS}
        sums["params"] += self._elements(rest, Role.PARAMETER)
        sums["buffers"] += self._elements(rest, Role.BUFFER)
        sums["weight_bytes"] += _bytes(rest)
        peak = max((layer.live_bytes for layer in layers), default=0)
        values: dict[str, int | None] = {
            **sums,
            "peak_activation_bytes": peak,
            "peak_memory_bytes": sums["weight_bytes"] + peak,
            "layers": len(layers),
            "unknown_layers": sum(layer.coverage is Coverage.UNKNOWN for layer in layers),
        }
        if self.graph.is_state_dict:
            stored = {"params", "buffers", "weight_bytes"}
            values = {name: value if name in stored else None for name, value in values.items()}
        return Totals(**values)  # type: ignore[arg-type] # the first three are never None

    def _execution(self, position: int) -> tuple[Counts, int, int, int]:
        """Counts, memory accesses, traffic bytes and activation bytes of one layer as run."""
        layer = self.graph.layers[position]
        if position in self.folding:
            return ZERO, 0, 0, 0
        counts = self.counted[position].counts
        if self._is_view(position):
            return counts, 0, 0, 0
        accesses = _accesses(layer, self.rules[position])
        written = _bytes(layer.outputs)
        traffic = _bytes({tensor.name: tensor for tensor in layer.reads}.values()) + written
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
        if tensor.name in self.roles or tensor.name in self.folding.constants:
            return 0
        return tensor.nbytes or 0

    def _claim_weights(self, position: int) -> list[Tensor]:
        """The weights that a layer is charged with: those that no earlier layer has read.

        Layers that only prepare weights (a cast, a reshape, the arithmetic of a batch norm's scale)
        hand them on to the layer that uses the result.
        """
        layer = self.graph.layers[position]
        weights = list(self._first_mentioned(layer.reads))
        for tensor in layer.reads:
            weights += self.carried.pop(tensor.name, ())
        if position in self.computed_beforehand and weights:
            self.carried[layer.output.name] = weights
            return []
        return weights

    def _first_mentioned(self, tensors: Iterable[Tensor]) -> Iterator[Tensor]:
        for tensor in tensors:
            if tensor.name in self.unseen:
                self.unseen.remove(tensor.name)
                yield tensor

    def _elements(self, weights: Iterable[Tensor], role: Role) -> int:
        return sum(weight.numel for weight in weights if self.roles[weight.name] is role)


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
