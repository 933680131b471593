"""Losses, gradients and optimisers, operation by operation."""

import pytest
from builders.rules import counted, node

from costdb.contracts import Counts
from costdb.ir import Layer, Uncountable

SCORES, LABELS = (4, 5), (4,)
# log(softmax) of four rows of five.
LOG_SOFTMAX = 4 * Counts(specials=6, adds=9)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("NegativeLogLikelihoodLoss", [SCORES, LABELS], ()),
            Counts(adds=4 + 3, divs=1), id="four negations, their mean",
        ),
        pytest.param(
            node("NegativeLogLikelihoodLoss", [SCORES, LABELS, (5,)], ()),
            Counts(adds=4 + 3 + 3, muls=4, divs=1), id="a weighted mean",
        ),
        pytest.param(
            node("NegativeLogLikelihoodLoss", [SCORES, LABELS, (5,)], (), reduction="sum"),
            Counts(adds=7, muls=4), id="a weighted sum",
        ),
        pytest.param(
            node(
                "NegativeLogLikelihoodLoss", [SCORES, LABELS], (4,), reduction="none",
                ignore_index=-1,
            ),
            Counts(adds=4, compares=4), id="one by one, some ignored",
        ),
        pytest.param(node("NegativeLogLikelihoodLoss", [(0, 5), (0,)], ()), Counts(), id="none"),
        pytest.param(
            node("SoftmaxCrossEntropyLoss", [SCORES, LABELS], ()),
            LOG_SOFTMAX + Counts(adds=7, divs=1), id="cross entropy",
        ),
        pytest.param(
            node("tf:SoftmaxCrossEntropyWithLogits", [SCORES, SCORES], (4,), SCORES),
            LOG_SOFTMAX + Counts(muls=20, adds=20) + Counts(divs=20, adds=20),
            id="with its gradient",
        ),
        pytest.param(
            node("tf:SoftmaxCrossEntropyWithLogits", [(0, 5), (0, 5)], (0,)), Counts(), id="no row"
        ),
        pytest.param(
            node("tf:SparseSoftmaxCrossEntropyWithLogits", [SCORES, LABELS], (4,), SCORES),
            LOG_SOFTMAX + Counts(adds=8, divs=20), id="of labels, with its gradient",
        ),
        pytest.param(
            node("tf:L2Loss", [(3, 4)], ()), Counts(muls=12, adds=11, divs=1), id="half the squares"
        ),
        pytest.param(node("tf:L2Loss", [(0,)], ()), Counts(), id="squares of nothing"),
        pytest.param(
            node("aten:mse_loss", [(3, 4), (3, 4)], ()),
            Counts(adds=12 + 11, muls=12, divs=1), id="mean of squares",
        ),
        pytest.param(
            node("aten:mse_loss", [(3, 4), (4,)], (3, 4), reduction=0),
            Counts(adds=12, muls=12), id="squares, broadcast",
        ),
        pytest.param(
            node("aten:l1_loss", [(3, 4), (3, 4)], (), reduction=2),
            Counts(adds=12 + 11, compares=12), id="sum of magnitudes",
        ),
        pytest.param(
            node("aten:smooth_l1_loss", [(4,), (4,)], (4,), reduction=0),
            4 * Counts(adds=2, compares=2, muls=2, divs=1), id="smooth L1",
        ),
        pytest.param(
            node("aten:huber_loss", [(4,), (4,)], (4,), reduction=0),
            4 * Counts(adds=2, compares=2, muls=3), id="Huber",
        ),
        pytest.param(
            node("aten:binary_cross_entropy", [(4,), (4,)], (4,), reduction=0),
            4 * Counts(specials=2, adds=4, muls=2), id="binary cross entropy",
        ),
        pytest.param(
            node("aten:binary_cross_entropy_with_logits", [(4,), (4,)], (4,), reduction=0),
            4 * Counts(compares=2, muls=1, adds=4, specials=2), id="of logits",
        ),
        pytest.param(
            node("aten:kl_div", [(4,), (4,)], (4,), reduction=0),
            4 * Counts(specials=1, adds=1, muls=1), id="divergence",
        ),
        pytest.param(
            node("aten:nll_loss", [SCORES, LABELS, (5,)], ()),
            Counts(adds=4 + 3, muls=4, divs=1), id="PyTorch's likelihood",
        ),
        pytest.param(
            node("aten:cross_entropy_loss", [SCORES, LABELS], ()),
            LOG_SOFTMAX + Counts(adds=7, divs=1), id="PyTorch's cross entropy",
        ),
        pytest.param(
            node("aten:cross_entropy_loss", [SCORES, SCORES], (), reduction=2),
            LOG_SOFTMAX + Counts(muls=20, adds=20 + 3), id="of probabilities",
        ),
        pytest.param(
            node("aten:cross_entropy_loss", [(5,), ()], (), reduction=2),
            Counts(specials=6, adds=9 + 1), id="of one sample",
        ),
        pytest.param(
            node("aten:cross_entropy_loss", [(4, 0), (4,)], (), reduction=2),
            Counts(), id="no class",
        ),
    ],
)  # fmt: skip
def test_losses(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


T = "ai.onnx.preview.training"
TWO = [(2, 3), (4,)]


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{T}:Adagrad", [(), (), *TWO, *TWO, *TWO], *TWO),
            10 * Counts(muls=2, adds=3, specials=1, divs=1) + Counts(muls=1, adds=1, divs=1),
            id="Adagrad on two tensors of ten elements in all",
        ),
        pytest.param(
            node(f"{T}:Adagrad", [(), (), (4,), (4,), (4,)], (4,), norm_coefficient=0.1),
            4 * Counts(muls=3, adds=4, specials=1, divs=1) + Counts(muls=1, adds=1, divs=1),
            id="Adagrad, regularised",
        ),
        pytest.param(
            node(f"{T}:Adam", [(), (), (4,), (4,), (4,), (4,)], (4,), norm_coefficient_post=0.1),
            4 * Counts(muls=7, adds=4, specials=1, divs=1)
            + Counts(specials=3, adds=2, muls=1, divs=1, compares=1),
            id="Adam, regularised afterwards",
        ),
        pytest.param(
            node(f"{T}:Momentum", [(), (), (4,), (4,), (4,)], (4,), mode="standard"),
            4 * Counts(muls=3, adds=2) + Counts(compares=1), id="momentum",
        ),
        pytest.param(
            node(f"{T}:Momentum", [(), (), (4,), (4,), (4,)], (4,), mode="nesterov"),
            4 * Counts(muls=4, adds=3) + Counts(compares=1), id="Nesterov's",
        ),
        pytest.param(
            node("tf:ResourceApplyGradientDescent", [None, (), (4,)], (4,)),
            4 * Counts(muls=1, adds=1), id="gradient descent",
        ),
        pytest.param(
            node("tf:ApplyMomentum", [(4,), (4,), (), (4,), ()], (4,)),
            4 * Counts(muls=2, adds=2), id="TensorFlow's momentum",
        ),
        pytest.param(
            node("tf:ResourceApplyAdam", [*[None] * 3, *[()] * 6, (4,)], (4,)),
            4 * Counts(muls=4, adds=6, specials=1, divs=1)
            + Counts(adds=2, specials=1, muls=1, divs=1),
            id="TensorFlow's Adam, and its rate",
        ),
        pytest.param(
            node("tf:ApplyRMSProp", [(4,), (4,), (4,), (), (), (), (), (4,)], (4,)),
            4 * Counts(muls=5, adds=4, specials=1, divs=1), id="RMSProp",
        ),
        pytest.param(
            node("tf:ResourceApplyAdagradV2", [None, None, (), (), (4,)], (4,)),
            4 * Counts(muls=2, adds=3, specials=1, divs=1), id="TensorFlow's Adagrad",
        ),
        pytest.param(
            node("tf:AssignAddVariableOp", [None, (4,)], ()), Counts(adds=4), id="added in place"
        ),
    ],
)  # fmt: skip
def test_optimisers(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


MAP, KERNEL = (1, 4, 6, 6), (4, 3, 3, 3)
MACS = 144 * 27


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("tf:BiasAddGrad", [(2, 3, 3, 4)], (4,)), Counts(adds=68), id="72 onto 4"
        ),
        pytest.param(
            node("tf:Conv2DBackpropFilter", [(1, 8, 8, 3), (4,), (1, 6, 6, 4)], (3, 3, 3, 4)),
            Counts(macs=MACS, dots=108), id="weights: as many MACs as forward",
        ),
        pytest.param(
            node("tf:Conv2DBackpropFilter", [(1, 8, 8, 3), (4,), (1, 6, 6, 0)], (3, 3, 3, 0)),
            Counts(), id="no channel",
        ),
        pytest.param(
            node(
                "tf:DepthwiseConv2dNativeBackpropFilter",
                [(1, 8, 8, 4), (4,), (1, 6, 6, 4)], (3, 3, 4, 1),
            ),
            Counts(macs=144 * 9, dots=36), id="depthwise weights",
        ),
        pytest.param(
            node("aten:convolution_backward", [MAP, (1, 3, 8, 8), KERNEL], (1, 3, 8, 8)),
            Counts(macs=2 * MACS, dots=192 + 108, adds=140), id="input, weights and bias",
        ),
        pytest.param(
            node(
                "aten:convolution_backward", [MAP, (1, 3, 8, 8), KERNEL], KERNEL,
                output_mask=(0, 1, 0),
            ),
            Counts(macs=MACS, dots=108), id="weights alone",
        ),
        pytest.param(
            node(
                "aten:convolution_backward", [(1, 3, 8, 8), MAP, KERNEL], MAP,
                output_mask=(1, 0, 0), transposed=1,
            ),
            Counts(macs=MACS, dots=144), id="input of a transposed one",
        ),
        pytest.param(
            node(
                "aten:convolution_backward", [(0, 4, 6, 6), (0, 3, 8, 8), KERNEL], (0, 3, 8, 8)
            ),
            Counts(), id="no sample",
        ),
        pytest.param(
            node("tf:MaxPoolGrad", [(1, 4, 4, 2), (1, 2, 2, 2), (1, 2, 2, 2)], (1, 4, 4, 2)),
            Counts(compares=32, adds=8), id="MaxPoolGrad",
        ),
        pytest.param(
            node("aten:max_pool2d_with_indices_backward", [(1, 2, 2, 2)], (1, 2, 4, 4)),
            Counts(adds=8), id="at known places",
        ),
        pytest.param(
            node("tf:AvgPoolGrad", [(4,), (1, 2, 2, 2)], (1, 4, 4, 2)),
            Counts(divs=8, adds=32), id="AvgPoolGrad",
        ),
        pytest.param(
            node("aten:avg_pool2d_backward", [(1, 2, 2, 2)], (1, 2, 6, 6), kernel_size=(3,)),
            Counts(divs=8, adds=72), id="windows of nine",
        ),
        pytest.param(
            node("aten:avg_pool2d_backward", [(1, 2, 2, 2)], (1, 2, 4, 6), kernel_size=(2, 3)),
            Counts(divs=8, adds=48), id="windows of six",
        ),
        pytest.param(
            node("aten:_adaptive_avg_pool2d_backward", [(1, 2, 1, 1), (1, 2, 4, 4)], (1, 2, 4, 4)),
            Counts(divs=2, adds=32), id="one window",
        ),
        pytest.param(
            node("tf:FusedBatchNormGradV3", [(2, 3, 3, 4), (2, 3, 3, 4), (4,)], (2, 3, 3, 4)),
            72 * Counts(adds=5, muls=4) + 4 * Counts(divs=3, muls=1, adds=1, specials=1),
            id="batch norm",
        ),
        pytest.param(
            node("aten:native_layer_norm_backward", [(3, 4), (3, 4)], (3, 4)),
            12 * Counts(adds=7, muls=6), id="layer norm",
        ),
        pytest.param(
            node("aten:embedding_dense_backward", [(3, 4), (3,)], (50, 4)),
            Counts(adds=12), id="embedding",
        ),
        pytest.param(node("tf:ReluGrad", [(4,), (4,)], (4,)), Counts(compares=4), id="ReLU"),
        pytest.param(
            node("aten:sigmoid_backward", [(4,), (4,)], (4,)),
            Counts(muls=8, adds=4), id="sigmoid: dy * y * (1 - y)",
        ),
        pytest.param(
            node("aten:gelu_backward", [(4,), (4,)], (4,)),
            4 * Counts(muls=7, adds=2, specials=2), id="GELU",
        ),
    ],
)  # fmt: skip
def test_gradients(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


def test_a_window_without_elements_is_uncountable() -> None:
    with pytest.raises(Uncountable):
        counted(node("aten:avg_pool2d_backward", [(1, 2, 2, 2)], (1, 2, 4, 4), kernel_size=(-2,)))
