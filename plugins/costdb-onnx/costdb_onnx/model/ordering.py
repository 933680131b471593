"""Which steps of a region its outputs need, in an order in which each finds its inputs known."""

from collections.abc import Iterable, Iterator, Mapping

from costdb.plugins import BrokenArtifact
from costdb_onnx.model.region import Region


def needed_steps(region: Region, outputs: Iterable[str]) -> list[int]:
    """Positions of the steps that the outputs need, each behind those that it depends on.

    Steps that depend on themselves are listed all the same; `costdb.plugins.assemble` names them.

    Raises:
        BrokenArtifact: A value is produced twice.
    """
    producers = _producers(region)
    needed = sorted(_needed(region, outputs, producers))
    if _is_topological(region, needed, producers):
        return needed
    return _depth_first(region, outputs, producers)


def _needed(region: Region, outputs: Iterable[str], producers: Mapping[str, int]) -> set[int]:
    """Positions of the steps that the outputs need."""
    needed: set[int] = set()
    waiting = [producers[name] for name in outputs if name in producers]
    while waiting:
        position = waiting.pop()
        if position not in needed:
            needed.add(position)
            reads = region.steps[position].reads
            waiting.extend(producers[name] for name in reads if name in producers)
    return needed


def _is_topological(region: Region, order: Iterable[int], producers: Mapping[str, int]) -> bool:
    """Whether each step stands behind those that it depends on, as ONNX wants of a file."""
    return all(
        producers.get(name, -1) < position
        for position in order
        for name in region.steps[position].reads
    )


def _depth_first(region: Region, outputs: Iterable[str], producers: Mapping[str, int]) -> list[int]:
    """The steps that the outputs need, each behind those that it depends on."""
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
        for name in filter(None, step.outputs):
            if name in producers or name in region.inputs or name in region.stored:
                raise BrokenArtifact(
                    f"tensor {name!r} is produced twice, again by layer {step.name!r}",
                    hint="export the model again",
                )
            producers[name] = position
    return producers
