"""What PyTorch's files call their operators."""

from costdb.ir import Layer


def aten_name(layer: Layer) -> str:
    """ATen's name of a layer's operator, such as "linear"; empty if the file called it otherwise.

    Overloads are left out, and an operator that writes to its input is called as the one that does
    not: "relu" for `aten.relu_.default`.
    """
    library, _, operator = layer.source_op.partition(".")
    return operator.partition(".")[0].removesuffix("_") if library == "aten" else ""
