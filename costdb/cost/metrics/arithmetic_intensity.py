"""Whether arithmetic or memory is what a model waits for."""

from costdb.cost.metric import Numbers, derived_metric, ratio


@derived_metric(unit="FLOPs/byte")
def arithmetic_intensity(numbers: Numbers) -> float | None:
    """Floating-point operations for each byte that is read or written.

    Formula: flops / traffic_bytes; none where nothing is moved.
    Source: Williams, Waterman, Patterson: Roofline, https://doi.org/10.1145/1498765.1498785
    """
    return ratio(numbers["flops"], numbers["traffic_bytes"])
