"""Which layer each weight is charged to: the first one that uses it, and no other."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from costdb.ir import Layer, Role, Tensor


@dataclass(frozen=True, slots=True)
class Weights:
    """Some weights, in numbers.

    Attributes:
        params: Elements of the parameters.
        buffers: Elements of the buffers.
        bytes: Stored bytes of all, constants included.
    """

    params: int
    buffers: int
    bytes: int


class WeightLedger:
    """Hands every weight out once.

    Layers that only prepare weights (a cast, a reshape, the arithmetic of a batch norm's scale)
    pass theirs on to the layer that uses the result.
    """

    def __init__(self, roles: Mapping[str, Role]) -> None:
        """Begin with every weight of a model, by name."""
        self.roles = roles
        self._unclaimed = set(roles)
        self._carried: dict[str, list[Tensor]] = {}

    def claim(self, layer: Layer, *, only_prepares: bool) -> Weights:
        """What a layer is charged with.

        Args:
            layer: The next layer, in the order in which they run.
            only_prepares: Whether it computes with weights alone.
        """
        claimed = list(self._first_mentions(layer.reads))
        for tensor in layer.reads:
            claimed += self._carried.pop(tensor.name, ())
        if only_prepares and claimed:
            self._carried[layer.output.name] = claimed
            return Weights(0, 0, 0)
        return self._summed(claimed)

    def rest(self, mentioned: Iterable[Tensor]) -> Weights:
        """What no layer was charged with: weights that are outputs, or that no layer reads."""
        left = list(self._first_mentions(mentioned))
        left += [weight for carried in self._carried.values() for weight in carried]
        return self._summed(left)

    def _first_mentions(self, tensors: Iterable[Tensor]) -> Iterator[Tensor]:
        for tensor in tensors:
            if tensor.name in self._unclaimed:
                self._unclaimed.remove(tensor.name)
                yield tensor

    def _summed(self, weights: Iterable[Tensor]) -> Weights:
        params = buffers = stored = 0
        for weight in weights:
            role = self.roles[weight.name]
            params += weight.numel if role is Role.PARAMETER else 0
            buffers += weight.numel if role is Role.BUFFER else 0
            stored += weight.nbytes or 0
        return Weights(params, buffers, stored)
