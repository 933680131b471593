"""Elementwise operators of TensorFlow and PyTorch that ONNX lacks.

Their definitions: https://www.tensorflow.org/api_docs/python/tf/raw_ops and
https://pytorch.org/docs/stable/torch.html.
"""

from costdb.cost.rules.elementwise import (
    ADD,
    COMPARE,
    DIV,
    MUL,
    SIGMOID,
    SPECIAL,
    per_element,
)

SCALED_SUMS = (
    *per_element(ADD + MUL, "x + alpha * y, or x - alpha * y", "aten:add", "aten:sub", "aten:rsub"),
    *per_element(ADD, "the difference of neighbours", "aten:diff"),
    *per_element(MUL + ADD, "start + i * step", "tf:LinSpace"),
    *per_element(MUL + ADD + SPECIAL, "base ^ (start + i * step)", "aten:logspace"),
    *per_element(MUL + ADD, "y + alpha * a * b, a column times a row", "aten:addr"),
    *per_element(MUL, "x * y of each pair of elements", "aten:kron"),
    *per_element(2 * MUL + ADD, "a * d - b * c of two vectors", "aten:cross", "aten:linalg_cross"),
)

QUOTIENTS = (
    *per_element(DIV + COMPARE, "x / y rounded down", "aten:floor_divide", "tf:TruncateDivNoNan"),
    *per_element(MUL + COMPARE, "x * y, or 0 where y is 0", "tf:MulNoNan"),
    *per_element(DIV + COMPARE, "x / y, or 0 where x is 0", "tf:Xdivy"),
    *per_element(MUL, "x * x", "aten:square"),
    *per_element(MUL, "x * pi / 180, or its inverse", "aten:deg2rad", "aten:rad2deg"),
    *per_element(COMPARE + ADD, "x less its integer part", "aten:frac"),
)

CHOICES = (
    *per_element(
        COMPARE,
        "whether x is finite, positive or negative infinity, or negative",
        "aten:isfinite",
        "aten:isposinf",
        "aten:isneginf",
        "aten:signbit",
    ),
    *per_element(COMPARE, "|x| with the sign of y", "aten:copysign"),
    *per_element(COMPARE, "whether x and y differ", "aten:not_equal"),
    *per_element(COMPARE, "x rounded", "aten:fix", "aten:special_round"),
    *per_element(2 * COMPARE, "0, y or 1 by the sign of x", "aten:heaviside"),
    *per_element(3 * COMPARE, "x without NaN and infinities", "aten:nan_to_num"),
    *per_element(
        ADD + 2 * COMPARE, "whether |x - y| is small", "aten:isclose", "tf:ApproximateEqual"
    ),
    *per_element(COMPARE + MUL, "x, or a slope times x below 0", "aten:rrelu"),
    *per_element(COMPARE, "how many bits of x are set", "tf:PopulationCount"),
)

SPECIAL_FUNCTIONS = per_element(
    SPECIAL,
    "one special function of x",
    "aten:exp2",
    "aten:special_exp2",
    "aten:log2",
    "aten:log10",
    "aten:erfc",
    "aten:special_erfc",
    "aten:erfinv",
    "aten:special_erfinv",
    "aten:lgamma",
    "aten:special_gammaln",
    "aten:digamma",
    "aten:special_digamma",
    "aten:special_psi",
    "aten:special_erfcx",
    "aten:special_ndtri",
    "aten:special_log_ndtr",
    "aten:i0",
    "aten:special_i0",
    "aten:special_i0e",
    "aten:special_i1",
    "aten:special_i1e",
    "aten:arctan2",
    "aten:angle",
    "aten:float_power",
    "aten:special_ndtr",
    "tf:Erfinv",
    "tf:Ndtri",
    "tf:Lgamma",
    "tf:Digamma",
    "tf:BesselI0e",
    "tf:BesselI1e",
    "tf:Angle",
)

COMPOUND = (
    *per_element(SIGMOID, "1 / (1 + exp(-x))", "aten:special_expit"),
    *per_element(
        ADD + SPECIAL, "log(1 + x) or exp(x) - 1", "aten:special_log1p", "aten:special_expm1"
    ),
    *per_element(MUL + SPECIAL, "x * 2^y", "aten:ldexp"),
    *per_element(SPECIAL + MUL, "x * log(y)", "aten:xlogy", "aten:special_xlogy"),
    *per_element(SPECIAL + MUL + ADD, "x * log(1 + y)", "aten:special_xlog1py", "tf:Xlog1py"),
    *per_element(ADD + DIV + SPECIAL, "log(x / (1 - x))", "aten:logit", "aten:special_logit"),
    *per_element(3 * SPECIAL + ADD, "log(exp(x) + exp(y))", "aten:logaddexp", "aten:logaddexp2"),
    *per_element(2 * MUL + ADD + SPECIAL, "sqrt(x * x + y * y)", "aten:hypot", "tf:ComplexAbs"),
    *per_element(SPECIAL + MUL + DIV, "sin(pi * x) / (pi * x)", "aten:sinc", "aten:special_sinc"),
    *per_element(SPECIAL + ADD, "x - tanh(x)", "aten:tanhshrink"),
    *per_element(SIGMOID + SPECIAL, "log(sigmoid(x))", "aten:log_sigmoid"),
    *per_element(2 * SPECIAL + 2 * MUL, "r * cos(phi) and r * sin(phi)", "aten:polar"),
    *per_element(SPECIAL + MUL, "-x * log(x)", "aten:special_entr"),
)
