"""Steps that differ in nothing but names: what is found for one holds for all.

Models repeat their layers, the larger the more. Inference runs once for each kind of step, and
the layers of a kind share what it found instead of holding it once more.
"""

from collections.abc import Mapping, Sequence

from costdb.plugins import AttributeValue
from costdb_onnx.model.attributes import layer_attributes
from costdb_onnx.model.facts import Fact
from costdb_onnx.model.inference import infer
from costdb_onnx.model.region import Step

# What is known of the outputs, by position, and the layer's attributes.
Settled = tuple[Sequence[Fact], Mapping[str, AttributeValue]]


class Kinds:
    """The kinds of steps that were met in one model."""

    def __init__(self) -> None:
        self._settled: dict[tuple[object, ...], Settled] = {}

    def settled(self, step: Step, inputs: Sequence[Fact | None], *, lenient: bool) -> Settled:
        """What is known of a step's outputs, and its attributes.

        Args:
            step: A node without bodies.
            inputs: What is known of its inputs; None for an absent one.
            lenient: See `infer`.

        Raises:
            DoesNotFit: The node cannot run on these inputs.
        """
        kind = _kind(step, inputs, lenient=lenient)
        settled = None if kind is None else self._settled.get(kind)
        if settled is None:
            settled = infer(step, inputs, lenient=lenient), layer_attributes(step, inputs)
            if kind is not None:
                self._settled[kind] = settled
        return settled


def _kind(step: Step, inputs: Sequence[Fact | None], *, lenient: bool) -> tuple[object, ...] | None:
    """What tells a step from one of another kind; None where not all of that can be compared."""
    keys: list[tuple[object, ...] | None] = []
    for fact in inputs:
        key = None if fact is None else fact.key
        if key is None and fact is not None:
            return None
        keys.append(key)
    return (
        step.op,
        step.domain,
        tuple(step.opsets.items()),
        *(attribute.SerializeToString() for attribute in step.node.attribute),
        *keys,
        *map(bool, step.outputs),
        lenient,
    )
