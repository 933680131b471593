"""How often a loop runs, where no data decide it: a counter that is compared with a limit."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from costdb_tensorflow.nodes import Node, Region, Value, identity_origin
from costdb_tensorflow.runtime import Inferred

# Comparison -> the one that holds when the operands are swapped.
_SWAPPED = MappingProxyType(
    {
        "Greater": "Less",
        "GreaterEqual": "LessEqual",
        "Less": "Greater",
        "LessEqual": "GreaterEqual",
        "NotEqual": "NotEqual",
    }
)


def trip_count(
    loop: Node,
    region: Region,
    index: Mapping[str, Node],
    facts: Mapping[Value, Inferred],
) -> int | None:
    """How often a loop runs; None where data decide, or where it never ends.

    Args:
        loop: The loop.
        region: Its body and condition.
        index: Every node, by name.
        facts: What is known of every value.
    """
    if not region.results:
        return None
    counting = _Counting(loop, region, index, facts)
    counts: list[int | None] = []
    seen: set[Value] = set()
    pending = [region.results[-1]]
    while pending:
        term = identity_origin(pending.pop(), index)
        if term in seen:
            continue
        seen.add(term)
        node, known = index[term.node], counting.number(term)
        if known is not None:
            counts += [] if known else [0]
        elif node.op == "LogicalAnd":
            pending.extend(node.inputs)
        elif node.op == "LogicalOr" and (decisive := counting.undecided(node)) is not None:
            pending.append(decisive)
        else:
            counts.append(counting.count(node))
    if 0 in counts:
        return 0
    known_counts = [count for count in counts if count is not None]
    return min(known_counts, default=None) if len(known_counts) == len(counts) else None


def final_counters(
    loop: Node,
    region: Region,
    index: Mapping[str, Node],
    facts: Mapping[Value, Inferred],
    trips: int,
) -> dict[int, int]:
    """Position of a counter among what a loop carries -> what it is in the end."""
    counting = _Counting(loop, region, index, facts)
    counters = {
        place: counting.counted(Value(name))
        for place, name in enumerate(region.arguments)
        if name is not None
    }
    return {
        place: counter[0] + counter[1] * trips
        for place, counter in counters.items()
        if counter is not None
    }


class _Counting:
    """One loop's counters."""

    def __init__(
        self,
        loop: Node,
        region: Region,
        index: Mapping[str, Node],
        facts: Mapping[Value, Inferred],
    ) -> None:
        self._loop = loop
        self._region = region
        self._index = index
        self._facts = facts

    def number(self, value: Value) -> int | None:
        """A single number that is the same in every run."""
        known = self._facts[value].value if value in self._facts else None
        return known[0] if known is not None and len(known) == 1 else None

    def undecided(self, either: Node) -> Value | None:
        """The one term of an `or` that decides, because the others are known not to hold."""
        known = [self.number(value) for value in either.inputs]
        open_terms = [v for v, number in zip(either.inputs, known, strict=True) if number is None]
        return open_terms[0] if len(open_terms) == 1 and not any(known) else None

    def count(self, comparison: Node) -> int | None:
        """How often a comparison of a counter with a limit holds before it no longer does."""
        if comparison.op not in _SWAPPED or len(comparison.inputs) != 2:
            return None
        one, two = comparison.inputs
        for op, counter, limit in ((comparison.op, one, two), (_SWAPPED[comparison.op], two, one)):
            end, counted = self.number(limit), self.counted(counter)
            if end is not None and counted is not None:
                start, step = counted
                return _runs(op, start, step, end)
        return None

    def counted(self, value: Value) -> tuple[int, int] | None:
        """Where a counter starts and what each run adds to it; None if it is none."""
        argument = identity_origin(value, self._index)
        if argument.node not in self._region.arguments or argument.output:
            return None
        place = self._region.arguments.index(argument.node)
        start = self.number(self._loop.inputs[place])
        step = self._step(argument, self._region.results[place])
        return None if start is None or step is None else (start, step)

    def _step(self, argument: Value, result: Value) -> int | None:
        """What a run adds to an argument."""
        node = self._index[identity_origin(result, self._index).node]
        if node.op not in {"Add", "AddV2", "Sub"} or len(node.inputs) != 2:
            return None
        one, two = node.inputs
        if identity_origin(one, self._index) == argument:
            added = self.number(two)
            return -added if added is not None and node.op == "Sub" else added
        if identity_origin(two, self._index) == argument and node.op != "Sub":
            return self.number(one)
        return None


def _runs(op: str, start: int, step: int, end: int) -> int | None:
    """How many of start, start + step, ... hold the comparison before the first that does not."""
    distance = end - start
    if op in {"Greater", "GreaterEqual"}:
        op, distance, step = _SWAPPED[op], -distance, -step
    if op == "NotEqual":
        ends = step and distance % step == 0 and distance // step >= 0
        return distance // step if ends else (0 if not distance else None)
    holds = distance > 0 if op == "Less" else distance >= 0
    if not holds:
        return 0
    if step <= 0:
        return None
    return _RUNS[op](distance, step)


_RUNS: Mapping[str, Callable[[int, int], int]] = MappingProxyType(
    {
        "Less": lambda distance, step: -(-distance // step),
        "LessEqual": lambda distance, step: distance // step + 1,
    }
)
