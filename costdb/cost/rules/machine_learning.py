"""Classical machine learning: what `ai.onnx.ml` holds of scaling and linear models."""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.cost.rules.elementwise import ADD, COMPARE, MUL, SIGMOID, per_element
from costdb.ir import Layer, Tensor, Uncountable

ML = "ai.onnx.ml"

SCALERS = per_element(ADD + MUL, "(x - offset) * scale", "ai.onnx.ml:Scaler")
CHOICES = (
    *per_element(COMPARE, "whether x is over a threshold", "ai.onnx.ml:Binarizer"),
    *per_element(COMPARE, "x, or another value where it is missing", "ai.onnx.ml:Imputer"),
)


def _rows(data: Tensor) -> tuple[int, int]:
    """Samples, and features of each."""
    features = data.size(-1)
    return data.numel // features if features else 0, features


@rule("Normalizer", domain=ML)
def normalizer(layer: Layer) -> Counts:
    """Count rows over their maximum, sum or root of squares, as `norm` says.

    Formula: per row of n: n divisions and n - 1 comparisons (MAX) or adds (L1); for L2 n squares,
    n - 1 adds, n divisions and n roots.
    Source: https://onnx.ai/onnx/operators/onnx_aionnxml_Normalizer.html
    Example: X (8, 10), norm "L2", Y (8, 10): flops 312.
    """
    rows, length = _rows(layer.input(0))
    if length == 0:
        return ZERO
    norm = layer.string("norm", "MAX")
    if norm == "MAX":
        return rows * Counts(compares=length - 1, divs=length)
    if norm == "L1":
        return rows * Counts(adds=length - 1, divs=length)
    return rows * Counts(muls=length, adds=length - 1, divs=length, specials=length)


def _transformed(layer: Layer, rows: int, scores: int) -> Counts:
    """The attribute `post_transform` on rows of so many scores."""
    transform = layer.string("post_transform", "NONE")
    if transform in {"SOFTMAX", "SOFTMAX_ZERO"}:
        return rows * Counts(specials=scores, adds=scores - 1, divs=scores)
    per_score = {"NONE": ZERO, "LOGISTIC": SIGMOID, "PROBIT": Counts(specials=1)}
    if transform not in per_score:
        raise Uncountable(f"{layer.op} has an unknown post_transform {transform!r}")
    return rows * scores * per_score[transform]


def _linear(layer: Layer, scores: int) -> Counts:
    rows, features = _rows(layer.input(0))
    intercepts = Counts(adds=rows * scores if "intercepts" in layer.attributes else 0)
    products = dot_products(rows * scores, length=features)
    return products + intercepts + _transformed(layer, rows, scores)


@rule("LinearRegressor", domain=ML)
def linear_regressor(layer: Layer) -> Counts:
    """Count so many targets that are linear in the features.

    Formula: N * targets dot products of the features' length, an add for each if there are
    intercepts, the transformation behind them.
    Source: https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html
    Example: X (8, 10), targets 2, Y (8, 2): macs 160.
    """
    targets = layer.integer("targets", 1)
    if targets < 1:
        raise Uncountable("LinearRegressor has no targets")
    return _linear(layer, targets)


@rule("LinearClassifier", domain=ML)
def linear_classifier(layer: Layer) -> Counts:
    """Count a score for each class that is linear in the features, and the best of them.

    Formula: N * classes dot products of the features' length, an add for each if there are
    intercepts, the transformation behind them; classes - 1 comparisons per row.
    Source: https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html
    Example: X (8, 10), classlabels_ints [0, 1, 2], Y (8,): macs 240.
    """
    classes = _class_count(layer)
    rows, _ = _rows(layer.input(0))
    return _linear(layer, classes) + Counts(compares=rows * (classes - 1))


def _class_count(layer: Layer) -> int:
    for name in ("classlabels_ints", "classlabels_strings"):
        labels = layer.attributes.get(name)
        if isinstance(labels, tuple) and labels:
            return len(labels)
    raise Uncountable("LinearClassifier has no class labels")
