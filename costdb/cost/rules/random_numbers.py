"""Random numbers. What a generator of bits does is left out; what is made of its bits counts.

Two runs give two results, so these layers are executed however constant their inputs are:
`RANDOM_OPERATORS` names them.
"""

import math

from costdb.contracts import Counts, Coverage, Rule, rule
from costdb.ir import Layer

# low + (high - low) * bits.
UNIFORM = Counts(muls=1, adds=1)

# Box and Muller: two normals are sqrt(-2 * log(u)) times the sine and cosine of 2 * pi * v.
NORMAL = Counts(specials=2, muls=2)

# mean + deviation * z.
SHIFTED_NORMAL = NORMAL + UNIFORM

# low + bits modulo the range.
INTEGER = Counts(divs=1, adds=1)


def _rows(
    counts: Counts, formula: str, coverage: Coverage, **names: tuple[str, ...]
) -> tuple[Rule, ...]:
    """Rules of so many operations per element of the output; domain -> operators."""
    domains = {"onnx": ""}
    return tuple(
        Rule(
            op,
            lambda layer: layer.output.numel * counts,
            domain=domains.get(domain, domain),
            coverage=coverage,
            documentation=f"Count {formula}, per element of the output.",
        )
        for domain, ops in names.items()
        for op in ops
    )


UNIFORMS = _rows(
    UNIFORM,
    "low + (high - low) * bits",
    Coverage.EXACT,
    onnx=("RandomUniform", "RandomUniformLike"),
    tf=("RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"),
)

INTEGERS = _rows(
    INTEGER,
    "low + bits modulo (high - low)",
    Coverage.EXACT,
    tf=("RandomUniformInt", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2"),
    aten=("randint", "randint_like", "random"),
)

NORMALS = _rows(
    SHIFTED_NORMAL,
    "mean + deviation * z, z by Box and Muller: 2 special functions and 2 multiplications",
    Coverage.ESTIMATED,
    onnx=("RandomNormal", "RandomNormalLike"),
) + _rows(
    NORMAL,
    "a standard normal by Box and Muller, 2 special functions and 2 multiplications",
    Coverage.ESTIMATED,
    tf=("RandomStandardNormal", "StatelessRandomNormal", "StatelessRandomNormalV2"),
)

# One value in 22 is drawn again, which is left out.
TRUNCATED_NORMALS = _rows(
    NORMAL + Counts(compares=2),
    "a standard normal by Box and Muller, 2 special functions and 2 multiplications, compared with "
    "two bounds",
    Coverage.ESTIMATED,
    tf=("TruncatedNormal", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2"),
)

EXPONENTIALS = _rows(
    UNIFORM + Counts(specials=1, adds=1, divs=1),
    "-log(u) / rate",
    Coverage.EXACT,
    aten=("exponential",),
)

BERNOULLI = _rows(
    UNIFORM + Counts(compares=1),
    "whether a uniform number is below x",
    Coverage.EXACT,
    onnx=("Bernoulli",),
    aten=("bernoulli",),
)

# Training only: a uniform number is compared, and what is kept is scaled.
DROPOUTS = _rows(
    UNIFORM + Counts(compares=1, muls=2),
    "x * mask / (1 - p), the mask being whether a uniform number is below 1 - p",
    Coverage.EXACT,
    aten=("dropout", "native_dropout"),
)

SHUFFLES = _rows(
    INTEGER,
    "a draw for each place of a permutation, by Fisher and Yates",
    Coverage.ESTIMATED,
    tf=("RandomShuffle",),
    aten=("randperm",),
)


def _draws(layer: Layer) -> tuple[int, int, int]:
    """Rows, classes of one row, and draws of them all."""
    data = layer.input(0)
    classes = data.size(-1)
    return data.numel // classes if classes else 0, classes, layer.output.numel


def _search(draws: int, classes: int) -> Counts:
    """Uniform numbers that are looked up among running sums, by halves."""
    return draws * (UNIFORM + Counts(compares=math.ceil(math.log2(classes)) if classes > 1 else 0))


@rule("Multinomial", coverage=Coverage.ESTIMATED)
def multinomial(layer: Layer) -> Counts:
    """Count draws of classes by their unnormalised log-probabilities.

    Formula: per row of n classes n exps and n adds to running sums; per draw a uniform number
    (a multiplication, an add) and log2(n) comparisons.
    Source: https://onnx.ai/onnx/operators/onnx__Multinomial.html
    Example: X (2, 1024), Y (2, 10): flops 4,336.
    """
    rows, classes, draws = _draws(layer)
    return rows * classes * Counts(specials=1, adds=1) + _search(draws, classes)


@rule("Multinomial", "StatelessMultinomial", domain="tf", coverage=Coverage.ESTIMATED)
def tensorflow_multinomial(layer: Layer) -> Counts:
    """Count draws of classes by their unnormalised log-probabilities.

    Formula: as ONNX's Multinomial.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/Multinomial
    Example: X (2, 1024), draws (), Y (2, 10): flops 4,336.
    """
    rows, classes, draws = _draws(layer)
    return rows * classes * Counts(specials=1, adds=1) + _search(draws, classes)


@rule("multinomial", domain="aten", coverage=Coverage.ESTIMATED)
def multinomial_of_weights(layer: Layer) -> Counts:
    """Count draws of classes by their weights.

    Formula: per row of n classes n adds to running sums; per draw a uniform number
    (a multiplication, an add) and log2(n) comparisons.
    Source: https://pytorch.org/docs/stable/generated/torch.multinomial.html
    Example: X (2, 1024), Y (2, 10): flops 2,288.
    """
    rows, classes, draws = _draws(layer)
    return Counts(adds=rows * classes) + _search(draws, classes)


RANDOM_OPERATORS = frozenset(
    rule.key
    for value in tuple(vars().values())
    if isinstance(value, tuple)
    for rule in value
    if isinstance(rule, Rule)
)
