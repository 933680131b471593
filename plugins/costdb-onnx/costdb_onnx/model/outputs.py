"""What is asked of a model: its own outputs, or values that the caller names."""

from collections.abc import Sequence

from costdb.plugins import BindingError, BrokenArtifact, nearest
from costdb_onnx.model.region import Region

EVERY_VALUE = "*"


def chosen_outputs(region: Region, asked: Sequence[str]) -> tuple[str, ...]:
    """The names of the values that are asked for.

    Args:
        region: The model's graph.
        asked: Names; empty for the model's own outputs, "*" for those and every value that no
            layer reads, so that nothing is left out.

    Raises:
        BindingError: There is no such value.
        BrokenArtifact: Nothing is asked for, and the model has no outputs.
    """
    if EVERY_VALUE in asked:
        read = {name for step in region.steps for name in step.reads}
        computed = (name for step in region.steps for name in step.outputs if name)
        sinks = (name for name in computed if name not in read)
        return tuple(dict.fromkeys((*region.outputs, *sinks)))
    known = region.defined_names()
    for name in asked:
        if name not in known:
            raise BindingError(
                f"the model has no value {name!r}", hint=nearest(name, known, "its values")
            )
    outputs = tuple(dict.fromkeys(asked or region.outputs))
    if not outputs:
        raise BrokenArtifact("the model has no outputs", hint="name one: --output '*' takes all")
    return outputs
