"""Which layer of one version is which layer of another."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain, pairwise, repeat

from costdb.cost.result import LayerCost
from costdb.trends.scopes import model_module
from costdb.trends.subsequence import longest_common_subsequence


class Change(Enum):
    """What became of a layer; of several things, the first that holds."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"  # its operator, shapes, dtype or cost
    MOVED = "moved"  # the same, but before or behind other layers than it was
    RENAMED = "renamed"  # the same in the same place, under another name or scope
    UNCHANGED = "unchanged"  # also where a framework only numbered it anew


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer before and after; None where it was not there."""

    change: Change
    old: LayerCost | None
    new: LayerCost | None

    @property
    def layer(self) -> LayerCost:
        """The layer as it is now, or as it was before it was removed."""
        return self.new or self.old  # type: ignore[return-value] # one of them is there


@dataclass(frozen=True, slots=True)
class Alignment:
    """Every layer of two versions once, in the order of the new one.

    A removed layer stands behind the layer that it followed.
    """

    pairs: tuple[Pair, ...]

    def of(self, *changes: Change) -> tuple[Pair, ...]:
        """The pairs to which one of these things happened."""
        return tuple(pair for pair in self.pairs if pair.change in changes)

    @property
    def counts(self) -> Mapping[Change, int]:
        """How many pairs each thing happened to; every kind is listed."""
        counted = Counter(pair.change for pair in self.pairs)
        return {change: counted[change] for change in Change}


# What has to be equal for two layers to be one; None for a layer that it says nothing of.
_Key = Callable[[LayerCost], Hashable | None]

_Positions = tuple[int, int]


def align(old: Sequence[LayerCost], new: Sequence[LayerCost]) -> Alignment:
    """Find for each layer of one version the layer of another that it is.

    Layers are the same by scope and by name, where a name occurs once in each version and what it
    names fits; else by their place in the longest common subsequence of layers with equal
    weights, then of equal operators and shapes, then of equal operators. So a model whose layers
    were all renamed aligns, and so does one with a block more, or with another input size. What is
    left then may have moved.

    Where names count layers (conv2d_7), one layer more gives every later one the name of another.
    So names are not believed if without them nearly all weights stay what they were, and more of
    them than by name.
    """
    if old == new:
        return Alignment(tuple(map(Pair, repeat(Change.UNCHANGED), old, new)))
    olds, news = _without_model(old, new)
    in_place, moved = _matches(olds, news)
    place_of = dict(in_place)
    changes = {
        after: (before, _change(olds[before], news[after], is_moved=before not in place_of))
        for before, after in chain(in_place, moved)
    }
    return Alignment(tuple(_pairs(old, new, place_of, changes)))


def _without_model(
    old: Sequence[LayerCost], new: Sequence[LayerCost]
) -> tuple[Sequence[LayerCost], Sequence[LayerCost]]:
    """The layers of both, without what their frameworks call the model itself."""
    models = model_module(old), model_module(new)
    if not all(models) or models[0] == models[1]:
        return old, new
    return _inside(models[0], old), _inside(models[1], new)


def _inside(model: str, layers: Sequence[LayerCost]) -> Sequence[LayerCost]:
    """The layers under names and scopes that do not begin with the model's own."""
    return [
        replace(
            layer,
            name=layer.name.removeprefix(f"{model}/"),
            scope=layer.scope.partition("/")[2],
        )
        for layer in layers
    ]


def _matches(
    old: Sequence[LayerCost], new: Sequence[LayerCost]
) -> tuple[list[_Positions], list[_Positions]]:
    """Positions of layers that are the same: of those that kept their order, and of the others.

    It does not matter which version is the old one: of several ways that are as good, the same one
    is taken.
    """
    differing = next((two for two in zip(old, new, strict=False) if two[0] != two[1]), None)
    # Any order would do that tells the two from each other.
    ranks = map(repr, differing) if differing else map(len, (old, new))
    if operator.gt(*ranks):
        in_place, moved = _matches_of(new, old)
        return _turned(in_place), _turned(moved)
    return _matches_of(old, new)


def _turned(positions: Iterable[_Positions]) -> list[_Positions]:
    return [(after, before) for before, after in positions]


def _matches_of(
    old: Sequence[LayerCost], new: Sequence[LayerCost]
) -> tuple[list[_Positions], list[_Positions]]:
    named = _names_in_both(old, new)
    in_place = _best_in_place(old, new, named)
    return in_place, _out_of_place(old, new, named, in_place)


def _pairs(
    old: Sequence[LayerCost],
    new: Sequence[LayerCost],
    place_of: Mapping[int, int],
    changes: Mapping[int, tuple[int, Change]],
) -> Iterator[Pair]:
    """All layers in the order of the new version.

    Args:
        old: Before.
        new: Now.
        place_of: Old position -> new one, of layers that did not move.
        changes: New position -> old one and what happened, of all that are in both.
    """
    kept = {before for before, _ in changes.values()}
    # Where each removed layer goes: behind the last layer before it that stayed in place.
    removed: dict[int, list[LayerCost]] = {}
    place = -1
    for before, layer in enumerate(old):
        place = place_of.get(before, place)
        if before not in kept:
            removed.setdefault(place, []).append(layer)
    for layer in removed.get(-1, ()):
        yield Pair(Change.REMOVED, layer, None)
    for after, layer in enumerate(new):
        if after in changes:
            before, change = changes[after]
            yield Pair(change, old[before], layer)
        else:
            yield Pair(Change.ADDED, None, layer)
        for gone in removed.get(after, ()):
            yield Pair(Change.REMOVED, gone, None)


def _keys_with_names(named: frozenset[str], modules: frozenset[str]) -> tuple[_Key, ...]:
    """What is compared, from what says most to what says least.

    Args:
        named: Names to go by.
        modules: Scopes that are in both versions. Their layers do not become those of another one,
            whatever they are called: names such as conv2d_7 only count layers.
    """

    def in_scope(of: _Key) -> _Key:
        return _with(lambda layer: layer.scope, of)

    def by_name(of: _Key) -> _Key:
        return _with(lambda layer: layer.name if layer.name in named else "", of)

    def anywhere(of: _Key) -> _Key:
        return lambda layer: None if layer.scope in modules else of(layer)

    return (
        # Weights first: what has none, such as a ReLU, often has a neighbour just like it.
        in_scope(by_name(_weights_if_any)),
        in_scope(_weights_if_any),
        anywhere(by_name(_weights_if_any)),
        in_scope(_operator_of_weights),
        in_scope(by_name(_signature)),
        in_scope(_signature),
        anywhere(by_name(_signature)),
        in_scope(_operator),
        anywhere(by_name(_operator)),
        *map(anywhere, _KEYS_WITHOUT_NAMES),
        # Another operator that does the same place's work, such as Gelu instead of Relu.
        in_scope(_outputs),
        anywhere(by_name(_outputs)),
    )


def _with(label: Callable[[LayerCost], str], of: _Key) -> _Key:
    """A key together with a name or scope; None where there is none."""

    def key(layer: LayerCost) -> Hashable | None:
        name, value = label(layer), of(layer)
        return (name, value) if name and value is not None else None

    return key


def _in_place(
    old: Sequence[LayerCost], new: Sequence[LayerCost], keys: Iterable[_Key]
) -> list[_Positions]:
    """Positions of layers in the same order that are alike in the first key or in a later one.

    Each key looks only where those before it have left gaps.
    """
    matched: list[_Positions] = []
    for key in keys:
        if len(matched) == min(len(old), len(new)):
            break
        matched = _fill_gaps(old, new, matched, key)
    return matched


def _best_in_place(
    old: Sequence[LayerCost], new: Sequence[LayerCost], named: frozenset[str]
) -> list[_Positions]:
    """Positions of layers that are the same and follow each other alike, in ascending order."""
    modules = frozenset({layer.scope for layer in old} & {layer.scope for layer in new}) - {""}
    by_name = _in_place(old, new, _keys_with_names(named, modules))
    has_weights = all(any(layer.params for layer in layers) for layers in (old, new))
    # What a model is known by, whatever its layers are called.
    key: _Key = _weights_if_any if has_weights else _signature
    most = min(len(_keyed(layers, range(len(layers)), key)) for layers in (old, new))
    kept = _kept(old, new, by_name, key)
    if kept == most:
        return by_name
    by_content = _in_place(old, new, _KEYS_WITHOUT_NAMES)
    is_better = _kept(old, new, by_content, key) > max(kept, most * 9 // 10)
    return by_content if is_better else by_name


def _kept(
    old: Sequence[LayerCost], new: Sequence[LayerCost], matched: Iterable[_Positions], key: _Key
) -> int:
    """How many of these layers have a key and are alike in it."""
    pairs = ((key(old[before]), key(new[after])) for before, after in matched)
    return sum(one is not None and one == other for one, other in pairs)


def _fill_gaps(
    old: Sequence[LayerCost], new: Sequence[LayerCost], matched: list[_Positions], key: _Key
) -> list[_Positions]:
    """The matches, and between each two of them those by another key."""
    filled: list[_Positions] = []
    for left, right in pairwise([(-1, -1), *matched, (len(old), len(new))]):
        olds, news = range(left[0] + 1, right[0]), range(left[1] + 1, right[1])
        if olds and news:
            filled += _match(_keyed(old, olds, key), _keyed(new, news, key))
        filled.append(right)
    return filled[:-1]


def _keyed(
    layers: Sequence[LayerCost], positions: Iterable[int], key: _Key
) -> list[tuple[int, Hashable]]:
    keyed = ((position, key(layers[position])) for position in positions)
    return [(position, value) for position, value in keyed if value is not None]


def _match(
    old: Sequence[tuple[int, Hashable]], new: Sequence[tuple[int, Hashable]]
) -> list[_Positions]:
    found = longest_common_subsequence([key for _, key in old], [key for _, key in new])
    return [(old[before][0], new[after][0]) for before, after in found]


def _out_of_place(
    old: Sequence[LayerCost],
    new: Sequence[LayerCost],
    named: frozenset[str],
    in_place: Iterable[_Positions],
) -> list[_Positions]:
    """Positions of layers that moved: alike in name and weights, or in all but the name."""
    olds, news = dict.fromkeys(range(len(old))), dict.fromkeys(range(len(new)))
    for before, after in in_place:
        del olds[before], news[after]
    found: list[_Positions] = []
    keys: tuple[_Key, ...] = (
        lambda layer: (layer.name, _identity(layer)) if layer.name in named else None,
        lambda layer: (_weights(layer), _signature(layer)),
    )
    for key in keys:
        waiting: dict[Hashable, list[int]] = {}
        for before, value in reversed(_keyed(old, olds, key)):
            waiting.setdefault(value, []).append(before)
        for after, value in _keyed(new, news, key):
            if waiting.get(value):
                before = waiting[value].pop()
                del olds[before], news[after]
                found.append((before, after))
    return found


def _names_in_both(old: Iterable[LayerCost], new: Iterable[LayerCost]) -> frozenset[str]:
    """Names that occur once in each version; others say nothing."""
    once = (
        {name for name, times in Counter(layer.name for layer in layers).items() if times == 1}
        for layers in (old, new)
    )
    return frozenset(set.intersection(*once) - {""})


def _identity(layer: LayerCost) -> Hashable:
    """What stays with a layer while its input grows: its weights, or else its shapes."""
    return _weights(layer) if layer.params else _signature(layer)


def _weights(layer: LayerCost) -> Hashable:
    # Elements and not bytes: a model that was converted to half precision is the same one.
    return layer.op, layer.params, layer.buffers


def _weights_if_any(layer: LayerCost) -> Hashable | None:
    return _weights(layer) if layer.params else None


def _signature(layer: LayerCost) -> Hashable:
    return layer.op, layer.input_shapes, layer.output_shapes


def _operator(layer: LayerCost) -> Hashable:
    return layer.op


def _operator_of_weights(layer: LayerCost) -> Hashable | None:
    return layer.op if layer.params else None


def _outputs(layer: LayerCost) -> Hashable:
    return layer.output_shapes


_KEYS_WITHOUT_NAMES: tuple[_Key, ...] = (_weights_if_any, _signature, _operator)


def _change(old: LayerCost, new: LayerCost, *, is_moved: bool) -> Change:
    if _substance(old) != _substance(new):
        return Change.CHANGED
    if is_moved:
        return Change.MOVED
    return Change.UNCHANGED if _label(old) == _label(new) else Change.RENAMED


def _substance(layer: LayerCost) -> Hashable:
    """All that a layer is and costs. What else lives while it runs is not its own."""
    return (
        _signature(layer),
        layer.dtype,
        layer.coverage,
        layer.counts,
        layer.params,
        layer.buffers,
        layer.weight_bytes,
        layer.memory_accesses,
        layer.traffic_bytes,
        layer.activation_bytes,
        layer.folded,
    )


# Keras numbers what it builds, model after model in one process: conv2d, conv2d_1, conv2d_2. Where
# a name is taken already, the numbered one is numbered again: conv2d_1_1.
_COUNTER = re.compile(r"(?:_\d+)+(?=[/:.]|$)")


def _label(layer: LayerCost) -> tuple[str, str]:
    """Name and scope, without the numbers that frameworks count up."""
    return _COUNTER.sub("", layer.name), _COUNTER.sub("", layer.scope)
