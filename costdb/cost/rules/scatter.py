"""Writing to places that indices name: what is combined there costs, what is moved does not."""

from costdb.contracts import ZERO, Counts, Rule, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Role, Tensor, Uncountable

# How an update is combined with what is there.
REDUCTIONS = {
    "none": ZERO,
    "add": Counts(adds=1),
    "mul": Counts(muls=1),
    "max": Counts(compares=1),
    "min": Counts(compares=1),
}


@rule("ScatterElements", "ScatterND")
def scatter(layer: Layer) -> Counts:
    """Count updates of a tensor at places that indices name.

    Formula: an add, a multiplication or a comparison per element of the updates, as `reduction`
    says; nothing where they are only written.
    Source: https://onnx.ai/onnx/operators/onnx__ScatterElements.html
    Example: X (8, 64), places (2, 64), updates (2, 64), reduction "add", Y (8, 64): flops 128.
    """
    reduction = layer.string("reduction", "none")
    if reduction not in REDUCTIONS:
        raise Uncountable(f"{layer.op} has an unknown reduction {reduction!r}")
    step = REDUCTIONS[reduction]
    if step == ZERO:
        return ZERO
    # The indices of PyTorch's index_put are several tensors; the updates come last.
    return layer.input(max(len(layer.inputs) - 1, 0)).numel * step


def _updates(step: Counts, position: int, formula: str, *names: str) -> tuple[Rule, ...]:
    """Rules of `step` per element of the input at a position."""
    pattern = Rule(
        "",
        lambda layer: layer.input(position).numel * step,
        documentation=f"Count {formula} per element of the updates.",
    )
    return renamed((pattern,), *names)


UPDATES = (
    *_updates(Counts(adds=1), 2, "an add", "tf:TensorScatterAdd", "tf:TensorScatterSub"),
    *_updates(Counts(compares=1), 2, "a comparison", "tf:TensorScatterMax", "tf:TensorScatterMin"),
    *_updates(Counts(adds=1), 1, "an add, for places that are named twice,", "tf:ScatterNd"),
    *_updates(
        Counts(adds=1),
        2,
        "an add",
        "tf:ResourceScatterAdd",
        "tf:ResourceScatterNdAdd",
        "tf:ScatterAdd",
        "tf:ScatterNdAdd",
    ),
)


def _elements(step: Counts, formula: str, *names: str) -> tuple[Rule, ...]:
    """Rules of `step` per element of the first input."""
    pattern = Rule(
        "",
        lambda layer: layer.input(0).numel * step,
        documentation=f"Count {formula} per element of the input.",
    )
    return renamed((pattern,), *names)


SEGMENTS = (
    *_elements(
        Counts(adds=1), "an add", "tf:SegmentSum", "tf:SegmentSumV2", "tf:UnsortedSegmentSum"
    ),
    *_elements(
        Counts(muls=1),
        "a multiplication",
        "tf:SegmentProd",
        "tf:SegmentProdV2",
        "tf:UnsortedSegmentProd",
    ),
    *_elements(
        Counts(compares=1),
        "a comparison",
        "tf:SegmentMax",
        "tf:SegmentMaxV2",
        "tf:SegmentMin",
        "tf:SegmentMinV2",
        "tf:UnsortedSegmentMax",
        "tf:UnsortedSegmentMin",
    ),
    *_elements(Counts(adds=1), "an add to a counter", "tf:Bincount", "aten:bincount"),
    *_elements(
        Counts(adds=2, muls=1, divs=1, compares=2),
        "(x - low) * bins / (high - low), two comparisons and an add to a counter",
        "aten:histc",
        "tf:HistogramFixedWidth",
    ),
)


@rule("SegmentMean", domain="tf")
def segment_mean(layer: Layer) -> Counts:
    """Count the mean of each segment of rows.

    Formula: an add per element of X, a division per element of Y.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/SegmentMean
    Example: X (10, 4), segments (10,), Y (3, 4): flops 52.
    """
    return Counts(adds=layer.input(0).numel, divs=layer.output.numel)


@rule("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN", domain="tf",
      weights={0: Role.PARAMETER})  # fmt: skip
def sparse_segments(layer: Layer) -> Counts:
    """Count the sum of each segment of rows that are looked up, or its mean, or it over sqrt(n).

    Formula: an add per element that is looked up; for a mean a division per element of Y; for
    SqrtN a division per element and a root per row of Y.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSegmentSum
    Example: X (1000, 16), rows (10,), segments (10,), Y (3, 16): flops 160.
    """
    looked_up = layer.input(1).numel * _row_size(layer.input(0))
    divided = layer.op != "SparseSegmentSum"
    rooted = layer.op == "SparseSegmentSqrtN"
    return Counts(
        adds=looked_up,
        divs=layer.output.numel if divided else 0,
        specials=layer.output.size(0) if rooted else 0,
    )


def _row_size(table: Tensor) -> int:
    rows = table.size(0)
    return table.numel // rows if rows else 0


@rule("embedding_bag", "_embedding_bag", "_embedding_bag_forward_only", domain="aten",
      weights={0: Role.PARAMETER})  # fmt: skip
def embedding_bag(layer: Layer) -> Counts:
    """Count sums (`mode` 0), means (1) or maxima (2) of rows that are looked up.

    Formula: n - 1 adds or comparisons for a bag of n rows, each times the row's size; for a mean a
    division, for weights of the rows, a fourth input, a multiplication per element.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html
    Example: W (1000, 16), rows (10,), bags (2,), mode 1, Y (2, 16): flops 160.
    """
    looked_up = layer.input(1).numel * _row_size(layer.input(0))
    result = layer.output.numel
    steps = max(looked_up - result, 0)
    mode = layer.integer("mode", 0)
    return Counts(
        adds=0 if mode == 2 else steps,
        compares=steps if mode == 2 else 0,
        divs=result if mode == 1 else 0,
        muls=looked_up if layer.has_input(3) else 0,
    )


@rule("scatter_reduce", "index_reduce", domain="aten")
def scatter_mean(layer: Layer) -> Counts:
    """Count updates that are averaged with what is there.

    Formula: an add per element of the updates, a division per element of Y.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html
    Example: X (8, 64), places (2, 64), updates (2, 64), Y (8, 64): flops 640.
    """
    return Counts(adds=layer.input(2).numel, divs=layer.output.numel)


@rule("Col2Im")
def columns_to_image(layer: Layer) -> Counts:
    """Count blocks that are put back into an image, overlaps summed.

    Formula: numel(X) - numel(Y) adds.
    Source: https://onnx.ai/onnx/operators/onnx__Col2Im.html
    Example: X (1, 27, 36), image (2,), block (2,), Y (1, 3, 8, 8): flops 780.
    """
    return Counts(adds=max(layer.input(0).numel - layer.output.numel, 0))


FOLD = renamed(columns_to_image, "aten:col2im")
