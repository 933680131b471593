"""Data that the core and its plugins share: counts, rules, loaders, findings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from costdb.binding import Binding
from costdb.ir import Graph, Layer, Role
from costdb.source import Source


@dataclass(frozen=True, slots=True)
class Counts:
    """What a layer executes, itemised. All are numbers of operations.

    Attributes:
        macs: Multiply-accumulates in dot products.
        dots: Dot products; one of length n is n MACs and 2n-1 operations.
        adds: Additions, subtractions and negations outside dot products.
        muls: Multiplications outside dot products.
        divs: Divisions and reciprocals.
        compares: Comparisons, minima, maxima and selections.
        specials: exp, log, sqrt, tanh, erf, pow, sin and their kin.
    """

    macs: int = 0
    dots: int = 0
    adds: int = 0
    muls: int = 0
    divs: int = 0
    compares: int = 0
    specials: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, n) + getattr(other, n) for n in COUNT_NAMES))

    def __mul__(self, times: int) -> "Counts":
        return Counts(*(getattr(self, n) * times for n in COUNT_NAMES))

    __rmul__ = __mul__

    @property
    def operations(self) -> int:
        """2*macs - dots and everything else: the FLOPs of a floating-point layer."""
        scalar = self.adds + self.muls + self.divs + self.compares + self.specials
        return 2 * self.macs - self.dots + scalar


COUNT_NAMES = tuple(entry.name for entry in fields(Counts))
ZERO = Counts()


def dot_products(count: int, *, length: int) -> Counts:
    """So many dot products of one length."""
    return Counts(macs=count * length, dots=count if length > 0 else 0)


class Coverage(Enum):
    """How far a layer's numbers can be trusted."""

    EXACT = "exact"
    ESTIMATED = "estimated"  # the definition leaves the work open: a sort, an iteration
    BOUNDED = "bounded"  # an upper bound where data decide the size; once where they decide trips
    UNKNOWN = "unknown"  # no rule, or a shape that no one knows: counted as 0, a lower bound


@dataclass(frozen=True, slots=True)
class Rule:
    """How one operator is counted.

    Attributes:
        op: The operator's name.
        count: Layer -> counts. Raises Uncountable where the layer does not say enough.
        domain: The operator's domain; "" is ONNX's.
        weights: Input position -> the role of a stored tensor there. Positions that are not named
            follow the general rule: floats of more than one element are parameters.
        coverage: What a count by this rule is worth.
        is_view: Whether the output is the input's memory under another shape.
        accesses: Layer -> memory accesses in elements, if not one for each element it touches.
        documentation: The formula, its source and an example.
    """

    op: str
    count: Callable[[Layer], Counts]
    domain: str = ""
    weights: Mapping[int, Role] = field(default_factory=dict)
    coverage: Coverage = Coverage.EXACT
    is_view: bool = False
    accesses: Callable[[Layer], int] | None = None
    documentation: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Domain and operator, under which the rule is found."""
        return (self.domain, self.op)


def rule(
    *ops: str,
    domain: str = "",
    weights: Mapping[int, Role] | None = None,
    coverage: Coverage = Coverage.EXACT,
    is_view: bool = False,
    accesses: Callable[[Layer], int] | None = None,
) -> Callable[[Callable[[Layer], Counts]], tuple[Rule, ...]]:
    """Turn a counting function into rules, one for each operator named; see `Rule`.

    The function's docstring is the documentation.
    """

    def decorate(count: Callable[[Layer], Counts]) -> tuple[Rule, ...]:
        return tuple(
            Rule(
                op,
                count,
                domain=domain,
                weights=weights or {},
                coverage=coverage,
                is_view=is_view,
                accesses=accesses,
                documentation=count.__doc__ or "",
            )
            for op in ops
        )

    return decorate


@runtime_checkable
class Loader(Protocol):
    """Reads one family of files into the IR. The properties may be plain class attributes."""

    @property
    def name(self) -> str:
        """What `--loader` calls it."""

    @property
    def revision(self) -> int:
        """Raised when the same file gives another graph than before."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What its files' names end in, such as ".onnx"; they decide nothing."""

    def sniff(self, source: Source) -> bool:
        """Whether the content is of a format that this loader reads."""

    def load(self, source: Source, binding: Binding) -> Graph:
        """The graph of an artifact that `sniff` claimed.

        Raises:
            ArtifactError: The file is broken, or would run code.
            BindingError: An open size has no value, or a binding does not fit.
        """


@runtime_checkable
class Freezer(Protocol):
    """Writes the graph of a model with its weights as constants, for `costdb freeze`."""

    @property
    def name(self) -> str:
        """Such as "tensorflow"."""

    def sniff(self, source: Source) -> bool:
        """Whether the content is of a format that this freezer takes."""

    def freeze(self, source: Source, destination: Path, binding: Binding) -> None:
        """Write what an artifact computes as one file that a loader reads.

        Args:
            source: An artifact that `sniff` claimed.
            destination: An empty file of costdb's own; what is left of it after an error is
                removed.
            binding: Which outputs are asked for, and whether code of the artifact may run.

        Raises:
            ArtifactError: The artifact is broken, lacks its weights, or would run code.
            BindingError: An output is not in it.
        """


@dataclass(frozen=True, slots=True)
class Attribution:
    """How much of a change one part of the model made.

    Attributes:
        scope: A module path or a layer.
        change: The metric's change there; all of them add up to the finding's.
        text: What happened there, in words: "8 new Conv".
    """

    scope: str
    change: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric of one version, judged by one policy rule against one baseline.

    Attributes:
        kind: What happened: "macs-increased", "weight-bytes-over-budget", "dtype-changed".
        model: The model's name.
        tag: The version that was judged.
        point: The operating point.
        metric: What was compared: a metric of `Totals`; "unknown_ops" or "dtype" for a structural
            rule, which has no numbers: old, new and limit are None.
        scope: What of the model: "total", "layer:conv1", "op:Conv" or "scope:decoder/*".
        verdict: "ok", "improved", "warn", "regression" or "not-judged".
        reason: Why, in words; never empty for "not-judged".
        old: The baseline's value; None where there is none.
        new: The value judged; None where there is none.
        limit: The largest value that the rule lets pass; None where there is none.
        rule: The policy rule, as its file writes it.
        baseline: What it was compared with: "previous v2", "anchor v1", "costs.json".
        attribution: Which parts made the change, the largest first.
        is_new: Whether the last run that judged the same did not have it; None where there is
            nothing to say: it is neither "warn" nor "regression", or nobody looked.
    """

    kind: str
    model: str
    tag: str
    point: str
    metric: str
    scope: str
    verdict: str
    reason: str
    old: int | None
    new: int | None
    limit: int | None
    rule: str
    baseline: str
    attribution: tuple[Attribution, ...] = ()
    is_new: bool | None = None
