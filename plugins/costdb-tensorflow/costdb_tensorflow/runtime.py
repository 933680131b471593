"""What costdb asks of a TensorFlow: definitions of operators, and shapes."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from costdb.plugins import BrokenArtifact, Shape

# Of TensorFlow's messages, which may quote a whole node.
MAX_MESSAGE_LENGTH = 200


class Items(NamedTuple):
    """What a list of tensors holds.

    Attributes:
        shape: Of each of them; None where not even the rank is known.
        length: How many there are; None where unknown.
    """

    shape: Shape | None
    length: int | None


class Inferred(NamedTuple):
    """What is known of one output.

    Attributes:
        shape: None where not even the rank is known.
        dtype: TensorFlow's number.
        is_upper_bound: Whether the shape is the largest one that data allow.
        value: The elements of a small tensor of integers or truth values, if no data decide them.
        items: What a list of tensors holds; None for any other value.
    """

    shape: Shape | None
    dtype: int
    is_upper_bound: bool = False
    value: tuple[int, ...] | None = None
    items: Items | None = None


# Node name and output index -> what is known of it.
Shapes = Mapping[tuple[str, int], Inferred]


class Runtime(Protocol):
    """An installed TensorFlow."""

    def definition(self, op: str) -> bytes | None:
        """The encoded OpDef of an operator; None if it is not registered."""

    def shapes(self, graph_def: bytes) -> Shapes:
        """The shape and dtype of every output of an encoded GraphDef.

        Raises:
            BrokenArtifact: TensorFlow refuses the graph.
        """


def refusal(message: str) -> BrokenArtifact:
    """The error for a graph that TensorFlow refuses, in one line."""
    line = (message.splitlines() or ["no reason given"])[0]
    cut = line if len(line) <= MAX_MESSAGE_LENGTH else f"{line[: MAX_MESSAGE_LENGTH - 1]}…"
    return BrokenArtifact(
        f"TensorFlow refuses the graph: {cut}",
        hint="check the shapes of --input, or export the model again",
    )
