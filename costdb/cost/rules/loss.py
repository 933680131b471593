"""Losses: how far outputs are from what they should be."""

import math

from costdb.contracts import ZERO, Counts, Coverage, Rule, rule
from costdb.cost.rules.elementwise import ADD, COMPARE, MUL, SOFTPLUS, SPECIAL
from costdb.ir import Layer, Tensor


def _log_softmax(scores: int, rows: int) -> Counts:
    """What x - log(sum(exp(x))) takes in so many rows: exps, sums, logs and subtractions."""
    return Counts(specials=scores + rows, adds=2 * scores - rows) if scores else ZERO


def _negative_log_likelihood(layer: Layer) -> Counts:
    """-x[label], weighted, and summed or averaged as `reduction` says."""
    samples, weighted = layer.input(1).numel, layer.has_input(2)
    counts = Counts(
        adds=samples,
        muls=samples if weighted else 0,
        compares=samples if "ignore_index" in layer.attributes else 0,
    )
    reduction = layer.string("reduction", "mean")
    if reduction == "none" or samples == 0:
        return counts
    counts += Counts(adds=samples - 1)
    if reduction == "mean":
        # A weighted mean is over the sum of the weights.
        counts += Counts(divs=1, adds=samples - 1 if weighted else 0)
    return counts


@rule("NegativeLogLikelihoodLoss")
def negative_log_likelihood(layer: Layer) -> Counts:
    """Count -x[label] of each sample, times the weight of its class.

    Formula: per sample a negation, a multiplication by a weight, a comparison with `ignore_index`;
    summed, an add for each sample but one; averaged, a division, and with weights as many adds
    again.
    Source: https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html
    Example: X (8, 10), labels (8,), Y (): flops 16.
    """
    return _negative_log_likelihood(layer)


@rule("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(layer: Layer) -> Counts:
    """Count the negative log-likelihood of labels under a softmax of scores (N, C, ...).

    Formula: as LogSoftmax in rows of C, and as NegativeLogLikelihoodLoss.
    Source: https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html
    Example: X (8, 10), labels (8,), Y (): flops 256.
    """
    scores = _log_softmax(layer.input(0).numel, layer.input(1).numel)
    return scores + _negative_log_likelihood(layer)


@rule("SoftmaxCrossEntropyWithLogits", domain="tf")
def cross_entropy_with_gradient(layer: Layer) -> Counts:
    """Count -sum(labels * log_softmax(x)) of rows (N, C), and the gradient softmax(x) - labels.

    Formula: per row of n: n exps, n - 1 adds, a log, n subtractions; n multiplications, n - 1 adds,
    a negation; n divisions, n subtractions.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/SoftmaxCrossEntropyWithLogits
    Example: X (8, 10), labels (8, 10), Y (8,): flops 560.
    """
    size, rows = layer.input(0).numel, layer.input(0).size(0)
    if size == 0:
        return ZERO
    loss = Counts(muls=size, adds=size)
    return _log_softmax(size, rows) + loss + Counts(divs=size, adds=size)


@rule("SparseSoftmaxCrossEntropyWithLogits", domain="tf")
def sparse_cross_entropy_with_gradient(layer: Layer) -> Counts:
    """Count -log_softmax(x)[label] of rows (N, C), and its gradient.

    Formula: per row of n: n exps, n - 1 adds, a log, n subtractions; a negation; n divisions, a
    subtraction.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSoftmaxCrossEntropyWithLogits
    Example: X (8, 10), labels (8,), Y (8,): flops 336.
    """
    size, rows = layer.input(0).numel, layer.input(0).size(0)
    return _log_softmax(size, rows) + Counts(adds=2 * rows, divs=size)


@rule("L2Loss", domain="tf")
def half_sum_of_squares(layer: Layer) -> Counts:
    """Count sum(x^2) / 2.

    Formula: n squares, n - 1 adds, a division.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/L2Loss
    Example: X (3, 3, 64, 64), Y (): flops 73,728.
    """
    size = layer.input(0).numel
    return Counts(muls=size, adds=size - 1, divs=1) if size else ZERO


def _reduced(layer: Layer, elements: int) -> Counts:
    """ATen's `reduction`: 0 none, 1 a mean, 2 a sum."""
    reduction = layer.integer("reduction", 1)
    if reduction == 0 or elements == 0:
        return ZERO
    return Counts(adds=elements - 1, divs=1 if reduction == 1 else 0)


def _broadcast_size(left: Tensor, right: Tensor) -> int:
    return math.prod(
        max(sizes)
        for sizes in zip(
            (1,) * (right.rank - left.rank) + left.sizes,
            (1,) * (left.rank - right.rank) + right.sizes,
            strict=True,
        )
    )


def _paired(name: str, counts: Counts, formula: str) -> Rule:
    """A loss of ATen's of two tensors, element by element."""

    def count(layer: Layer) -> Counts:
        elements = _broadcast_size(layer.input(0), layer.input(1))
        return elements * counts + _reduced(layer, elements)

    return Rule(
        name,
        count,
        domain="aten",
        documentation=f"Count {formula}, per element, and their sum or mean as `reduction` says.",
    )


PAIRED = (
    _paired("mse_loss", ADD + MUL, "(x - y)^2"),
    _paired("l1_loss", ADD + COMPARE, "|x - y|"),
    _paired(
        "smooth_l1_loss",
        2 * ADD + 2 * COMPARE + 2 * MUL + Counts(divs=1),
        "|x - y| - beta / 2, or (x - y)^2 / (2 beta) below beta, both sides",
    ),
    _paired(
        "huber_loss",
        2 * ADD + 2 * COMPARE + 3 * MUL,
        "delta * (|x - y| - delta / 2), or (x - y)^2 / 2 below delta, both sides",
    ),
    _paired(
        "binary_cross_entropy",
        2 * SPECIAL + 4 * ADD + 2 * MUL,
        "-(y * log(x) + (1 - y) * log(1 - x))",
    ),
    _paired(
        "binary_cross_entropy_with_logits",
        3 * ADD + MUL + 2 * COMPARE + SOFTPLUS,
        "max(x, 0) - x * y + log(1 + exp(-|x|))",
    ),
    _paired("kl_div", SPECIAL + ADD + MUL, "y * (log(y) - x)"),
)


@rule("nll_loss", "nll_loss_nd", "nll_loss_forward", "nll_loss2d_forward", domain="aten")
def label_likelihood(layer: Layer) -> Counts:
    """Count -x[label] of each sample, times the weight of its class.

    Formula: per sample a negation and a multiplication by a weight; summed, an add for each sample
    but one; averaged, a division.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html
    Example: X (8, 10), labels (8,), Y (): flops 16.
    """
    samples = layer.input(1).numel
    weighted = Counts(adds=samples, muls=samples if layer.has_input(2) else 0)
    return weighted + _reduced(layer, samples)


@rule("cross_entropy_loss", domain="aten")
def label_cross_entropy(layer: Layer) -> Counts:
    """Count the negative log-likelihood of labels, or of their probabilities, under a softmax.

    Formula: as LogSoftmax in rows of classes; for labels, per sample a negation; for probabilities
    n multiplications, n - 1 adds and a negation; summed, an add for each sample but one; averaged,
    a division.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
    Example: X (8, 10), labels (8,), Y (): flops 256.
    """
    scores, labels = layer.input(0), layer.input(1)
    classes = scores.size(1 if scores.rank > 1 else 0)
    samples = scores.numel // classes if classes else 0
    of_labels = labels.rank < scores.rank
    chosen = Counts(adds=samples) if of_labels else Counts(muls=scores.numel, adds=scores.numel)
    return _log_softmax(scores.numel, samples) + chosen + _reduced(layer, samples)


@rule("_ctc_loss", "ctc_loss", domain="aten", coverage=Coverage.BOUNDED)
def connectionist_temporal_classification(layer: Layer) -> Counts:
    """Count the negative log-likelihood of labels along all their alignments, sequences in full.

    Formula: per step and sample 2L + 1 states for L labels, each the log of a sum of three exps, to
    which the log-probability of its label is added: 2 comparisons, 3 subtractions, 3 exps, 2 adds,
    a log, 2 adds.
    Source: https://www.cs.toronto.edu/~graves/icml_2006.pdf
    Example: X (50, 2, 20), labels (2, 10), Y (2,): flops 27,300.
    """
    scores, labels = layer.input(0), layer.input(1)
    samples = scores.size(1) if scores.rank == 3 else 1
    states = 2 * labels.numel + samples
    state = Counts(compares=2, adds=7, specials=4)
    return scores.size(0) * states * state
