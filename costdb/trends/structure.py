"""What must not happen to a model's layers, whatever they cost: the structural rules."""

from collections import Counter
from collections.abc import Iterator

from costdb.contracts import Coverage
from costdb.cost.result import GraphCost, LayerCost
from costdb.trends.alignment import Alignment, Change
from costdb.trends.policy_rule import Structural
from costdb.trends.scopes import selected_layers, selects


def violations(
    kind: Structural, old: GraphCost, new: GraphCost, scope: str, alignment: Alignment
) -> tuple[str, ...]:
    """What happened in a part of a model that a structural rule does not let pass, in words.

    Args:
        kind: The rule.
        old: The baseline.
        new: The version.
        scope: The part of the model; see `costdb.trends.scopes`.
        alignment: Of the layers of both.
    """
    if kind is Structural.NEW_UNKNOWN_OPS:
        return tuple(_new_unknown_ops(old, new, scope))
    return (*_changed_dtypes(scope, alignment), *_new_dtypes(old, scope, alignment))


def _new_unknown_ops(old: GraphCost, new: GraphCost, scope: str) -> Iterator[str]:
    """Operators that no rule counts, and that the baseline had nowhere."""
    known = {layer.op for layer in old.layers if layer.coverage is Coverage.UNKNOWN}
    found = Counter(
        layer.op
        for layer in selected_layers(new, scope)
        if layer.coverage is Coverage.UNKNOWN and layer.op not in known
    )
    yield from (f"{op} x{times}" for op, times in found.most_common())


def _changed_dtypes(scope: str, alignment: Alignment) -> Iterator[str]:
    """Layers that compute in another type than they did."""
    changes: dict[str, list[LayerCost]] = {}
    for pair in alignment.pairs:
        if pair.old is None or pair.new is None or not selects(scope, pair.new):
            continue
        before, now = pair.old.dtype, pair.new.dtype
        if before is not None and now is not None and before is not now:
            changes.setdefault(f"{before.value} -> {now.value}", []).append(pair.new)
    for change, layers in changes.items():
        yield f"{change} in {_named(layers)}"


def _new_dtypes(old: GraphCost, scope: str, alignment: Alignment) -> Iterator[str]:
    """Types that no layer computed in, in layers that are new: a model that was quantised."""
    before = {layer.dtype for layer in old.layers}
    added: dict[str, list[LayerCost]] = {}
    for pair in alignment.of(Change.ADDED):
        layer = pair.layer
        if selects(scope, layer) and layer.dtype is not None and layer.dtype not in before:
            added.setdefault(layer.dtype.value, []).append(layer)
    for dtype, layers in added.items():
        yield f"{dtype} is new in {_named(layers)}"


def _named(layers: list[LayerCost]) -> str:
    name = layers[0].name or layers[0].op
    return name if len(layers) == 1 else f"{len(layers)} layers, the first {name}"
