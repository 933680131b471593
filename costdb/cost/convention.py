"""What a counting convention is: another way to count a graph, such as a tool's or a paper's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from costdb.contracts import Counts
from costdb.ir import Layer

CountLayer = Callable[[Layer, Counts], int]

# What is said of a convention that says nothing itself.
_FORMULA = "it otherwise"
_OMITS = "does not count it"


@dataclass(frozen=True, slots=True)
class Convention:
    """How someone else counts, layer by layer, the file as it is: nothing is folded.

    Attributes:
        name: What `--convention` calls it.
        count: A layer, and what costdb's rule counts of it -> the convention's number for one run.
            Raises Uncountable where the layer does not say enough.
        unit: What is counted: "MACs" or "FLOPs".
        metric: The total of costdb's that it is compared with: "macs" or "flops".
        framework: The only framework whose files it can count; empty for any.
        formula: How it counts an operator, continuing "fvcore counts ...".
        formulas: The same for operators that it counts in ways of their own.
        omits: Why it counts an operator as nothing, continuing "fvcore ...".
        documentation: What it is and where it comes from.
    """

    name: str
    count: CountLayer
    unit: str
    metric: str
    framework: str = ""
    formula: str = _FORMULA
    formulas: Mapping[str, str] = field(default_factory=dict)
    omits: str = _OMITS
    documentation: str = ""


def convention(
    name: str,
    *,
    unit: str,
    metric: str,
    framework: str = "",
    formula: str = _FORMULA,
    formulas: Mapping[str, str] | None = None,
    omits: str = _OMITS,
) -> Callable[[CountLayer], Convention]:
    """Turn a counting function into a convention; see `Convention`.

    The function's docstring is the documentation.
    """

    def decorate(count: CountLayer) -> Convention:
        return Convention(
            name=name,
            count=count,
            unit=unit,
            metric=metric,
            framework=framework,
            formula=formula,
            formulas=MappingProxyType(dict(formulas or {})),
            omits=omits,
            documentation=count.__doc__ or "",
        )

    return decorate
