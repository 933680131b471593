"""Reading between the elements of an image, at places that are computed.

A value between elements is a weighted sum of t^r of them over r axes, t being 1 for the nearest, 2
for linear, 4 for cubic interpolation. The weights are worked out once for each place and serve all
channels.
"""

import math
from dataclasses import dataclass

from costdb.contracts import ZERO, Counts, Coverage, dot_products, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Tensor, Uncountable


@dataclass(frozen=True, slots=True)
class Interpolation:
    """How values between elements are made.

    Attributes:
        taps: Elements that count along one axis.
        weights: Operations for their weights along one axis, at one place.
    """

    taps: int
    weights: Counts

    def places(self, count: int, axes: int) -> Counts:
        """The weights at so many places: along each axis, and their products."""
        products = self.taps**axes * (axes - 1) if self.taps > 1 else 0
        return count * (axes * self.weights + Counts(muls=products))

    def values(self, count: int, axes: int) -> Counts:
        """So many weighted sums."""
        taps = self.taps**axes
        return count * Counts(muls=taps, adds=taps - 1) if taps > 1 else ZERO


# The coordinate is rounded.
NEAREST = Interpolation(1, Counts(compares=1))

# The coordinate is rounded down; its fraction and one minus that are the weights.
LINEAR = Interpolation(2, Counts(compares=1, adds=2))

# As linear; four distances, and a polynomial of the third degree for each.
CUBIC = Interpolation(4, Counts(compares=1, adds=14, muls=12))

INTERPOLATIONS = {
    "nearest": NEAREST, "linear": LINEAR, "bilinear": LINEAR, "cubic": CUBIC, "bicubic": CUBIC,
}  # fmt: skip


@rule("GridSample")
def grid_sample(layer: Layer) -> Counts:
    """Count values of X at the places of a grid, whose coordinates go from -1 to 1.

    Formula: per coordinate 2 adds, a multiplication and a division to pixels (an add less where
    corners are aligned), for linear a comparison and 2 adds to weights, for cubic 12
    multiplications, 14 adds and a comparison; per place (r - 1) t^r multiplications of weights;
    per element of Y t^r multiplications and t^r - 1 adds. Padding is not counted.
    Source: https://onnx.ai/onnx/operators/onnx__GridSample.html
    Example: X (1, 3, 32, 32), grid (1, 64, 64, 2), mode "linear", Y (1, 3, 64, 64):
    flops 159,744.
    """
    mode = layer.string("mode", "linear")
    if mode not in INTERPOLATIONS:
        raise Uncountable(f"GridSample has an unknown mode {mode!r}")
    interpolation, grid = INTERPOLATIONS[mode], layer.input(1)
    axes = layer.input(0).rank - 2
    if axes < 1 or grid.size(-1) != axes:
        raise Uncountable("the grid of GridSample does not have a coordinate for each axis")
    aligned = layer.integer("align_corners", 0)
    to_pixels = Counts(adds=1 if aligned else 2, muls=1, divs=1)
    places = grid.numel // axes
    return (
        grid.numel * to_pixels
        + interpolation.places(places, axes)
        + interpolation.values(layer.output.numel, axes)
    )


RUNTIME_GRID_SAMPLE = renamed(grid_sample, "com.microsoft:GridSample")


@rule("AffineGrid")
def affine_grid(layer: Layer) -> Counts:
    """Count the places that affine maps (N, r, r + 1) send the pixels of an image to.

    Formula: numel(Y) dot products of length r + 1.
    Source: https://onnx.ai/onnx/operators/onnx__AffineGrid.html
    Example: theta (1, 2, 3), size (4,), Y (1, 64, 64, 2): macs 24,576.
    """
    return dot_products(layer.output.numel, length=layer.input(0).size(-1))


# Scaling and shifting the four corners of a box, its height and width, and those of its bins.
_BOX = Counts(muls=4, adds=6, divs=2)

# start + bin * size + (sample + 0.5) * size / samples.
_COORDINATE = Counts(adds=3, muls=2, divs=1)

# Where data decide how many samples a bin has: 2 by 2, as in the Mask R-CNN paper.
_ADAPTIVE_SAMPLES = 2


@rule("RoiAlign", coverage=Coverage.ESTIMATED)
def roi_align(layer: Layer) -> Counts:
    """Count bilinear samples of boxes (R, C, h, w), averaged or maximised in each bin.

    Formula: with s samples along each axis of a bin (`sampling_ratio`; 2 where data decide), per
    element of Y s^2 times 4 multiplications and 3 adds, s^2 - 1 adds and a division (or s^2 - 1
    comparisons); per sampled place of a box 10 adds, 8 multiplications, 2 divisions and 2
    comparisons; per box 6 adds, 4 multiplications and 2 divisions.
    Source: https://onnx.ai/onnx/operators/onnx__RoiAlign.html
    Example: X (1, 256, 50, 50), boxes (10, 4), batch (10,), sampling_ratio 2, Y (10, 256, 7, 7):
    flops 4,057,320.
    """
    output = layer.output
    samples = (layer.integer("sampling_ratio", 0) or _ADAPTIVE_SAMPLES) ** 2
    boxes, bins = output.size(0), output.size(2) * output.size(3)
    places = boxes * bins * samples
    largest = layer.string("mode", "avg") == "max"
    combined = Counts(compares=samples - 1) if largest else Counts(adds=samples - 1, divs=1)
    return (
        boxes * _BOX
        + places * 2 * _COORDINATE
        + LINEAR.places(places, 2)
        + LINEAR.values(output.numel * samples, 2)
        + output.numel * combined
    )


@rule("CropAndResize", domain="tf", coverage=Coverage.ESTIMATED)
def crop_and_resize(layer: Layer) -> Counts:
    """Count boxes of an image (R, h, w, C) that are resized, taken as bilinear.

    Formula: per element of Y 4 multiplications and 3 adds; per place of a box, for each coordinate,
    a multiplication and an add, a comparison and 2 adds to weights, and 4 multiplications of them.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/CropAndResize
    Example: X (1, 50, 50, 8), boxes (2, 4), batch (2,), size (2,), Y (2, 14, 14, 8): flops 27,440.
    """
    output = layer.output
    return _resized_boxes(output, output.size(0) * output.size(1) * output.size(2))


def _resized_boxes(output: Tensor, places: int) -> Counts:
    coordinates = places * 2 * Counts(muls=1, adds=1)
    return coordinates + LINEAR.places(places, 2) + LINEAR.values(output.numel, 2)


@rule("CropAndResize", domain="com.microsoft", coverage=Coverage.ESTIMATED)
def crop_and_resize_channels_first(layer: Layer) -> Counts:
    """Count boxes of an image (R, C, h, w) that are resized, taken as bilinear.

    Formula: as TensorFlow's CropAndResize.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 8, 50, 50), boxes (2, 4), batch (2,), size (2,), Y (2, 8, 14, 14): flops 27,440.
    """
    output = layer.output
    return _resized_boxes(output, output.size(0) * output.size(2) * output.size(3))


@rule("MaxRoiPool", coverage=Coverage.BOUNDED)
def max_roi_pool(layer: Layer) -> Counts:
    """Count the largest element of each bin of boxes (R, C, h, w), boxes as large as the image.

    Formula: per element of Y ceil(H / h) * ceil(W / w) comparisons.
    Source: https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html
    Example: X (1, 8, 28, 28), boxes (2, 5), Y (2, 8, 7, 7): flops 12,544.
    """
    data, output = layer.input(0), layer.output
    window = math.prod(
        math.ceil(data.size(axis) / output.size(axis)) for axis in (2, 3) if output.size(axis)
    )
    return Counts(compares=output.numel * window)


ROI_POOL = renamed(max_roi_pool, "torchvision:roi_pool")
