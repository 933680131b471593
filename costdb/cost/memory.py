"""How many bytes of activations live while each layer runs.

Layers run in the graph's order. A layer's outputs come to life when it runs; a tensor lives up to
its last reader, an output of the graph to the end. A view is the memory that it looks at. Nothing
is computed in place. What a body takes from the graph around it lives there.
"""

from collections.abc import Callable, Mapping
from itertools import accumulate

from costdb.ir import Graph, Tensor


def live_bytes(
    graph: Graph, alias_of: Mapping[str, str], size_of: Callable[[Tensor], int]
) -> tuple[int, ...]:
    """Bytes of activations that live while each layer runs.

    Args:
        graph: The model.
        alias_of: Name of a view -> name of the tensor whose memory it is; chains are allowed.
        size_of: A tensor's bytes; 0 for one that is no activation.

    Returns:
        One number for each layer, in the graph's order.
    """
    count = len(graph.layers)
    owner: dict[str, str] = {}
    size: dict[str, int] = {}
    born: dict[str, int] = {}
    dies: dict[str, int] = {}

    def mention(tensor: Tensor, position: int) -> None:
        name = tensor.name
        if name not in owner:
            target = alias_of.get(name)
            owner[name] = owner.get(target, target) if target is not None else name
        root = owner[name]
        born.setdefault(root, position)
        dies[root] = max(position, dies.get(root, position))
        if root == name:
            size[root] = size_of(tensor)

    for position, layer in enumerate(graph.layers):
        for tensor in layer.reads:
            mention(tensor, position)
        for tensor in layer.outputs:
            mention(tensor, position)
    fed = {tensor.name for tensor in graph.inputs}
    made = {tensor.name for layer in graph.layers for tensor in layer.outputs}
    for tensor in graph.outputs:
        if count:
            mention(tensor, count - 1)
    change = [0] * (count + 1)
    for root in size.keys() & (fed | made):
        # What is fed is there before the first layer runs.
        change[0 if root in fed else born[root]] += size[root]
        change[dies[root] + 1] -= size[root]
    return tuple(accumulate(change[:count]))
