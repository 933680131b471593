"""How large a weight is stored."""

from costdb.cost.metric import Numbers, derived_metric, ratio


@derived_metric(unit="bytes/parameter")
def bytes_per_parameter(numbers: Numbers) -> float | None:
    """Stored bytes for each parameter: 4 in float32, about 1 in int8 with its scales.

    Formula: weight_bytes / params; buffers and constants are among the bytes. None without
    parameters.
    Source: docs/counting.md
    """
    return ratio(numbers["weight_bytes"], numbers["params"])
