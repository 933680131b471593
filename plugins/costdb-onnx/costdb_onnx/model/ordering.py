"""Which steps of a region its outputs need, in an order in which each finds its inputs known."""

from collections.abc import Iterable, Iterator

from costdb.plugins import BrokenArtifact
from costdb_onnx.model.region import Region


def needed_steps(region: Region, outputs: Iterable[str]) -> list[int]:
    """Positions of the steps that the outputs need, each behind those that it depends on.

    Steps that depend on themselves are listed all the same; `costdb.plugins.assemble` names them.

    Raises:
        BrokenArtifact: A value is produced twice.
    """
    producers = _producers(region)
    order: list[int] = []
    seen: set[int] = set()
    for output in outputs:
        start = producers.get(output)
        if start is None or start in seen:
            continue
        seen.add(start)
        # Depth first without recursion: a model may be thousands of layers deep.
        path: list[tuple[int, Iterator[str]]] = [(start, region.steps[start].reads)]
        while path:
            position, reads = path[-1]
            for name in reads:
                producer = producers.get(name)
                if producer is not None and producer not in seen:
                    seen.add(producer)
                    path.append((producer, region.steps[producer].reads))
                    break
            else:
                order.append(position)
                path.pop()
    return order


def _producers(region: Region) -> dict[str, int]:
    """Value -> position of the step that computes it."""
    producers: dict[str, int] = {}
    for position, step in enumerate(region.steps):
        for name in filter(None, step.node.output):
            if name in producers or name in region.inputs or name in region.stored:
                raise BrokenArtifact(
                    f"tensor {name!r} is produced twice, again by layer {step.name!r}",
                    hint="export the model again",
                )
            producers[name] = position
    return producers
