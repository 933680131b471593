"""Random numbers. What a generator of bits does is left out; what is made of its bits counts.

Two runs give two results, so these layers are executed however constant their inputs are:
`RANDOM_OPERATORS` names them.
"""

import math

from costdb.contracts import Counts, Coverage, Rule, rule
from costdb.cost.rules.elementwise import per_element
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer

# low + (high - low) * bits.
UNIFORM = Counts(muls=1, adds=1)

# Box and Muller: two normals are sqrt(-2 * log(u)) times the sine and cosine of 2 * pi * v.
NORMAL = Counts(specials=2, muls=2)

# low + bits modulo the range.
INTEGER = Counts(divs=1, adds=1)


UNIFORMS = per_element(
    UNIFORM,
    "low + (high - low) * bits",
    "RandomUniform",
    "RandomUniformLike",
    "tf:RandomUniform",
    "tf:StatelessRandomUniform",
    "tf:StatelessRandomUniformV2",
)

INTEGERS = per_element(
    INTEGER,
    "low + bits modulo (high - low)",
    "tf:RandomUniformInt",
    "tf:StatelessRandomUniformInt",
    "tf:StatelessRandomUniformIntV2",
    "aten:randint",
    "aten:randint_like",
    "aten:random",
)

NORMALS = per_element(
    NORMAL,
    "a standard normal by Box and Muller, 2 special functions and 2 multiplications",
    "tf:RandomStandardNormal",
    "tf:StatelessRandomNormal",
    "tf:StatelessRandomNormalV2",
    coverage=Coverage.ESTIMATED,
)

SHIFTED_NORMALS = per_element(
    NORMAL + UNIFORM,
    "mean + deviation * z, z by Box and Muller: 2 special functions and 2 multiplications",
    "RandomNormal",
    "RandomNormalLike",
    coverage=Coverage.ESTIMATED,
)

# One value in 22 is drawn again, which is left out.
TRUNCATED_NORMALS = per_element(
    NORMAL + Counts(compares=2),
    "a standard normal by Box and Muller, 2 special functions and 2 multiplications, compared with "
    "two bounds",
    "tf:TruncatedNormal",
    "tf:StatelessTruncatedNormal",
    "tf:StatelessTruncatedNormalV2",
    coverage=Coverage.ESTIMATED,
)

EXPONENTIALS = per_element(
    UNIFORM + Counts(specials=1, adds=1, divs=1), "-log(u) / rate", "aten:exponential"
)

BERNOULLI = per_element(
    UNIFORM + Counts(compares=1),
    "whether a uniform number is below x",
    "Bernoulli",
    "aten:bernoulli",
)

# In training: a uniform number is compared, and what is kept is scaled.
DROPOUTS = per_element(
    UNIFORM + Counts(compares=1, muls=2),
    "x * mask / (1 - p), the mask being whether a uniform number is below 1 - p",
    "aten:dropout",
    "aten:native_dropout",
)

SHUFFLES = per_element(
    INTEGER,
    "a draw for each place of a permutation, by Fisher and Yates",
    "aten:randperm",
    "tf:RandomShuffle",
    coverage=Coverage.ESTIMATED,
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


TENSORFLOW_MULTINOMIAL = renamed(multinomial, "tf:Multinomial", "tf:StatelessMultinomial")


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
