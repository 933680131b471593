"""All arithmetic, whatever it computes in."""

from costdb.cost.metric import Numbers, derived_metric


@derived_metric(unit="")
def operations(numbers: Numbers) -> int | None:
    """Operations in floating point and in integers, so that quantised models compare.

    Formula: flops + int_ops; none without a graph.
    Source: docs/counting.md
    """
    flops, int_ops = numbers["flops"], numbers["int_ops"]
    return None if flops is None or int_ops is None else flops + int_ops
