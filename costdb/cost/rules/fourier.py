"""Discrete Fourier transforms.

A transform is taken as a fast one. A complex one of length n has n / 2 * log2(n) butterflies, each
a complex multiplication and two complex adds: 4 multiplications and 6 adds, in all 5 n log2(n)
operations; the logarithm is rounded up where n is no power of two. A real one is half of that.
"""

import math

from costdb.contracts import ZERO, Counts, Coverage, Rule, rule
from costdb.ir import Layer, Role, Tensor, Uncountable

BUTTERFLY = Counts(muls=4, adds=6)


def fast_transform(rows: int, length: int, *, real: bool) -> Counts:
    """So many transforms of one length; `real` if their input or their output is real."""
    if length < 2:
        return ZERO
    doubled = rows * length * math.ceil(math.log2(length))
    return doubled // (4 if real else 2) * BUTTERFLY


def transform_of_axes(
    side: Tensor, axes: tuple[int, ...], *, real_length: int | None = None
) -> Counts:
    """A transform of several axes, one after the other.

    Args:
        side: The complex side, whose last of the axes is half as long if the other side is real.
        axes: Which axes are transformed.
        real_length: The length of the last of them on the real side; None if both are complex.
    """
    counts = ZERO
    for position, axis in enumerate(reversed(axes)):
        size = side.size(axis)
        rows = side.numel // size if size else 0
        if position == 0 and real_length is not None:
            counts += fast_transform(rows, real_length, real=True)
        else:
            counts += fast_transform(rows, size, real=False)
    return counts


@rule("DFT", coverage=Coverage.ESTIMATED)
def discrete_fourier_transform(layer: Layer) -> Counts:
    """Count a transform along one axis; the last axis holds one part of a number or two.

    Formula: 5 n log2(n) operations per complex transform of length n: 2 n log2(n) multiplications,
    3 n log2(n) adds; half of them if X or Y is real; inverse, a division per element of Y.
    Source: https://onnx.ai/onnx/operators/onnx__DFT.html
    Example: X (1, 1024, 2), Y (1, 1024, 2): flops 51,200.
    """
    data, axis = layer.input(0), layer.integer("axis", -2)
    inverse, one_sided = layer.integer("inverse", 0), layer.integer("onesided", 0)
    size = data.size(axis)
    default = 2 * (size - 1) if inverse and one_sided else size
    rows = data.numel // (size * data.size(-1)) if data.numel else 0
    real = data.size(-1) == 1 or bool(inverse and one_sided)
    counts = fast_transform(rows, layer.integer("dft_length", default), real=real)
    return counts + Counts(divs=layer.output.numel if inverse else 0)


@rule("STFT", weights={2: Role.CONSTANT}, coverage=Coverage.ESTIMATED)
def short_time_fourier_transform(layer: Layer) -> Counts:
    """Count transforms of frames that slide over a signal (B, L, 1 or 2).

    Formula: per frame of n samples n multiplications by the window for each part of a number, and
    5 n log2(n) operations, half of them for a real signal.
    Source: https://onnx.ai/onnx/operators/onnx__STFT.html
    Example: X (1, 16000, 1), step (), window (512,), Y (1, 122, 257, 2): flops 1,467,904.
    """
    data = layer.input(0)
    windowed = layer.has_input(2)
    default = layer.input(2).size(0) if windowed else data.size(1)
    length = max(layer.integer("frame_length", default), 0)
    frames = layer.output.size(0) * layer.output.size(1)
    parts = data.size(2)
    return fast_transform(frames, length, real=parts == 1) + Counts(
        muls=frames * length * parts if windowed else 0
    )


@rule("Rfft", "Irfft", domain="com.microsoft", coverage=Coverage.ESTIMATED)
def runtime_real_transform(layer: Layer) -> Counts:
    """Count a transform between real numbers and half a spectrum, along the last axis.

    Formula: 2.5 n log2(n) operations per transform of length n; normalised, a division per element
    of Y.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (8, 512), Y (8, 257, 2): flops 92,160.
    """
    real = layer.input(0) if layer.op == "Rfft" else layer.output
    length = real.size(-1)
    counts = fast_transform(real.numel // length if length else 0, length, real=True)
    return counts + Counts(divs=layer.output.numel if layer.integer("normalized", 0) else 0)


@rule("_fft_c2c", "_fft_r2c", "_fft_c2r", domain="aten", coverage=Coverage.ESTIMATED)
def tensor_transform(layer: Layer) -> Counts:
    """Count a transform of the axes `dim`: complex to complex, real to complex or the reverse.

    Formula: along each axis of length n, 5 n log2(n) operations per transform, half of them along
    the last one where a side is real; normalised, two multiplications per complex element of Y, one
    per real element.
    Source: https://pytorch.org/docs/stable/fft.html
    Example: X (1, 64, 64), dim [1, 2], Y (1, 64, 64): flops 245,760.
    """
    axes = layer.integers("dim")
    reads_real, writes_real = layer.op == "_fft_r2c", layer.op == "_fft_c2r"
    side = layer.output if reads_real else layer.input(0)
    real_side = layer.input(0) if reads_real else layer.output
    real_length = real_side.size(axes[-1]) if axes and (reads_real or writes_real) else None
    parts = 1 if writes_real else 2
    scaled = parts * layer.output.numel if layer.integer("normalization", 0) else 0
    return transform_of_axes(side, axes, real_length=real_length) + Counts(muls=scaled)


def _composite_axes(layer: Layer) -> tuple[int, ...]:
    """The axes of torch.fft's functions: `dim`, or by the name the last, the last two, or all."""
    given = layer.attributes.get("dim")
    if isinstance(given, int):
        return (given,)
    if given is not None:
        return layer.integers("dim")
    if layer.op.endswith("2"):
        return (-2, -1)
    return tuple(range(layer.input(0).rank)) if layer.op.endswith("n") else (-1,)


@rule(
    "fft_fft", "fft_ifft", "fft_rfft", "fft_irfft", "fft_fft2", "fft_ifft2", "fft_rfft2",
    "fft_irfft2", "fft_fftn", "fft_ifftn", "fft_rfftn", "fft_irfftn",
    domain="aten",
    coverage=Coverage.ESTIMATED,
)  # fmt: skip
def named_transform(layer: Layer) -> Counts:
    """Count a transform of one axis, of two or of all, as the function's name says.

    Formula: along each axis of length n, 5 n log2(n) operations per transform, half of them along
    the last one where a side is real; scaled, as inverse ones are, two multiplications per complex
    element of Y, one per real element.
    Source: https://pytorch.org/docs/stable/fft.html
    Example: X (1, 64, 64), dim [1, 2], Y (1, 64, 64): flops 245,760.
    """
    kind, axes = layer.op.removeprefix("fft_"), _composite_axes(layer)
    inverse, is_real = kind.startswith("i"), "rfft" in kind
    side = layer.input(0) if inverse else layer.output
    real_side = layer.output if inverse else layer.input(0)
    real_length = real_side.size(axes[-1]) if is_real and axes else None
    scaled = layer.string("norm", "backward") != ("forward" if inverse else "backward")
    parts = 1 if is_real and inverse else 2
    scaling = Counts(muls=parts * layer.output.numel if scaled else 0)
    return transform_of_axes(side, axes, real_length=real_length) + scaling


def _frame_length(layer: Layer) -> int:
    length = layer.integer("n_fft", 0)
    if length < 1:
        raise Uncountable(f"{layer.op} has no n_fft")
    return length


@rule("stft", domain="aten", coverage=Coverage.ESTIMATED)
def framed_transform(layer: Layer) -> Counts:
    """Count transforms of frames of `n_fft` samples; frames are the last axis of complex numbers.

    Formula: per frame of n samples n multiplications by a window, 2.5 n log2(n) operations.
    Source: https://pytorch.org/docs/stable/generated/torch.stft.html
    Example: X (1, 16000), window (512,), n_fft 512, Y (1, 257, 122): flops 1,467,904.
    """
    length, output = _frame_length(layer), layer.output
    complex_numbers = output.numel // (1 if layer.integer("return_complex", 1) else 2)
    bins = length // 2 + 1 if layer.integer("onesided", 1) else length
    frames = complex_numbers // bins
    windowed = frames * length if layer.has_input(1) else 0
    return fast_transform(frames, length, real=True) + Counts(muls=windowed)


@rule("istft", domain="aten", coverage=Coverage.ESTIMATED)
def inverse_framed_transform(layer: Layer) -> Counts:
    """Count a signal that is put together from the transforms of its frames (..., bins, frames).

    Formula: per frame of n samples 2.5 n log2(n) operations and n divisions, for a window n
    multiplications, and n adds to the signal; for the sum of the squared windows n multiplications
    and adds per frame of one signal; a division per element of Y.
    Source: https://pytorch.org/docs/stable/generated/torch.istft.html
    Example: X (1, 257, 122), window (512,), n_fft 512, Y (1, 15488): flops 1,733,248.
    """
    length, data = _frame_length(layer), layer.input(0)
    bins, of_one = data.size(-2), data.size(-1)
    frames = data.numel // bins if bins else 0
    windowed = frames * length if layer.has_input(1) else 0
    envelope = of_one * length
    return fast_transform(frames, length, real=True) + Counts(
        divs=frames * length + layer.output.numel,
        muls=windowed + envelope,
        adds=frames * length + envelope,
    )


def _trailing_transform(rank: int, kind: str) -> Rule:
    """TensorFlow's FFT over so many last axes; `kind` says what comes in front of the name."""

    def count(layer: Layer) -> Counts:
        axes = tuple(range(-rank, 0))
        if kind in {"", "I"}:
            return transform_of_axes(layer.output, axes)
        side = layer.output if kind == "R" else layer.input(0)
        real = layer.input(0) if kind == "R" else layer.output
        return transform_of_axes(side, axes, real_length=real.size(-1))

    name = f"{kind}FFT{'' if rank == 1 else f'{rank}D'}"
    return Rule(
        name,
        count,
        domain="tf",
        coverage=Coverage.ESTIMATED,
        documentation="Count a fast transform of the last axes, 5 n log2(n) operations along each, "
        "half of them along the last one where a side is real.",
    )


TRAILING = tuple(
    _trailing_transform(rank, kind) for rank in (1, 2, 3) for kind in ("", "I", "R", "IR")
)
