"""How often a weight is used."""

from costdb.cost.metric import Numbers, derived_metric, ratio


@derived_metric(unit="MACs/parameter")
def macs_per_parameter(numbers: Numbers) -> float | None:
    """Multiply-accumulates for each parameter: 1 for a dense layer, many for a convolution.

    Formula: macs / params; none without parameters.
    Source: docs/counting.md
    """
    return ratio(numbers["macs"], numbers["params"])
