"""Nets in a small format of their own: a header, layers line by line, then the weights as bytes.

    tiny 1
    input x 8
    dense hidden 4
    wobble hidden 3
    end
    <float32 weights>

`dense NAME SIZE` is a matrix product, `wobble NAME TIMES` is an operator that no one else has: it
adds a sine to every element, so many times.
"""

from collections.abc import Iterable

from costdb.plugins import (
    Binding,
    BrokenArtifact,
    Counts,
    DType,
    Graph,
    Layer,
    Loader,
    Role,
    Rule,
    Source,
    Tensor,
    assemble,
    hookimpl,
    rule,
)

MAGIC = b"tiny 1\n"
LONGEST_HEADER = 4096


@rule("wobble", domain="tiny")
def wobble(layer: Layer) -> Counts:
    """Count x + sin(x), so many times.

    Formula: a sine and an add per element and time.
    Source: this module.
    """
    return layer.output.numel * layer.integer("times", 1) * Counts(specials=1, adds=1)


class TinyLoader:
    """Reads the format of this module's docstring."""

    name = "tiny"
    revision = 1
    suffixes = (".tiny",)

    def sniff(self, source: Source) -> bool:
        """Whether the file starts with the format's name."""
        return not source.is_directory and source.read_at_most(0, len(MAGIC)) == MAGIC

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph; the weights behind the header are not read."""
        head, found, _ = source.read_at_most(0, LONGEST_HEADER).partition(b"\nend\n")
        lines = head.decode(errors="replace").splitlines()[1:]
        if not found or not lines:
            raise BrokenArtifact(f"{source.name!r} has no 'end'", hint="write the file again")
        bulk = len(head) + len(found)
        graph = _graph(source.name, lines, binding)
        weights = sum(tensor.nbytes or 0 for tensor in graph.tensors() if tensor.role.is_stored)
        if bulk + weights != source.size:
            raise BrokenArtifact(
                f"{source.name!r} holds {source.size - bulk:,} bytes of weights, not {weights:,}",
                hint="copy the file again",
            )
        return graph


def _graph(name: str, lines: Iterable[str], binding: Binding) -> Graph:
    layers: list[Layer] = []
    first: Tensor | None = None
    last: Tensor | None = None
    for line in lines:
        match line.split():
            case ["input", label, size] if size.isdecimal():
                bound = binding.bind({label: (("batch", int(size)), DType.FLOAT32)})[label]
                first = last = Tensor(label, bound.shape, bound.dtype, Role.INPUT)
            case [("dense" | "wobble") as op, label, number] if last and number.isdecimal():
                layers.append(_layer(op, label, int(number), last, len(layers)))
                last = layers[-1].output
            case _:
                raise BrokenArtifact(f"{name!r} has a line {line!r}", hint="see costdb_tiny")
    if first is None or last is None:
        raise BrokenArtifact(f"{name!r} has no input", hint="see costdb_tiny")
    return assemble(layers, inputs=[first], outputs=[last], file_format="tiny", framework="tiny")


def _layer(op: str, label: str, number: int, data: Tensor, position: int) -> Layer:
    rows, columns = data.sizes
    if op == "wobble":
        output = Tensor(f"{label}.{position}", (rows, columns), DType.FLOAT32)
        return Layer(
            label, op, (data,), (output,), domain="tiny", attributes={"times": number},
            compute_dtype=DType.FLOAT32,
        )  # fmt: skip
    output = Tensor(f"{label}.{position}", (rows, number), DType.FLOAT32)
    weights = Tensor(f"{label}.weights.{position}", (columns, number), DType.FLOAT32, Role.STORED)
    return Layer(label, "MatMul", (data, weights), (output,), compute_dtype=DType.FLOAT32)


@hookimpl
def costdb_loaders() -> list[Loader]:
    """The one loader."""
    return [TinyLoader()]


@hookimpl
def costdb_cost_rules() -> list[Rule]:
    """The one operator."""
    return [*wobble]
