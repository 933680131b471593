"""Factors of matrices (..., m, n): orthogonal ones, singular values, eigenvalues.

The definitions leave the algorithm open, so the counts are estimated: those of the dense methods in
Golub and Van Loan, Matrix Computations, 4th edition, half of them multiplications and half adds. m
is taken as the longer side; the thin factors are counted.
"""

from costdb.contracts import Counts, Coverage, Rule, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Tensor


def _sides(matrix: Tensor) -> tuple[int, int, int]:
    """How many matrices there are, their longer and their shorter side."""
    rows, columns = matrix.size(-2), matrix.size(-1)
    batch = matrix.numel // (rows * columns) if rows * columns else 0
    return batch, max(rows, columns), min(rows, columns)


def _half_each(operations: int) -> Counts:
    return Counts(muls=operations // 2, adds=operations - operations // 2)


def _orthogonal(longer: int, shorter: int) -> int:
    """Householder's reflections of a matrix to a triangle: 2 n^2 (m - n / 3) operations."""
    return 2 * shorter * shorter * (3 * longer - shorter) // 3


@rule("linalg_qr", "qr", domain="aten", coverage=Coverage.ESTIMATED)
def orthogonal_triangular(layer: Layer) -> Counts:
    """Count the orthogonal and the triangular factor, by Householder's reflections.

    Formula: 2 n^2 (m - n / 3) operations for the triangle and as many for the thin orthogonal
    factor, which the mode "r" leaves out.
    Source: Golub and Van Loan, Matrix Computations, 4th edition, algorithms 5.2.1 and 5.1.6
    Example: A (2, 6, 3), Q (2, 6, 3): flops 360.
    """
    batch, longer, shorter = _sides(layer.input(0))
    factors = 1 if layer.string("mode", "reduced") == "r" else 2
    return batch * _half_each(factors * _orthogonal(longer, shorter))


@rule("geqrf", domain="aten", coverage=Coverage.ESTIMATED)
def triangular_factor(layer: Layer) -> Counts:
    """Count the triangular factor alone, the orthogonal one being left as reflections.

    Formula: 2 n^2 (m - n / 3) operations.
    Source: Golub and Van Loan, Matrix Computations, 4th edition, algorithm 5.2.1
    Example: A (2, 6, 3), R (2, 6, 3): flops 180.
    """
    batch, longer, shorter = _sides(layer.input(0))
    return batch * _half_each(_orthogonal(longer, shorter))


# The orthogonal factor out of its reflections takes as many operations.
REFLECTIONS = renamed(triangular_factor, "aten:linalg_householder_product", "aten:orgqr")


@rule("linalg_svd", "_linalg_svd", "svd", domain="aten", coverage=Coverage.ESTIMATED)
def singular_values_and_vectors(layer: Layer) -> Counts:
    """Count singular values and, unless `compute_uv` is 0, the thin matrices of their vectors.

    Formula: 14 m n^2 + 8 n^3 operations with vectors, 4 m n^2 - 4 n^3 / 3 without.
    Source: Golub and Van Loan, Matrix Computations, 4th edition, section 8.6.3
    Example: A (2, 6, 3), U (2, 6, 3): flops 1,944.
    """
    return _singular(layer, vectors=bool(layer.integer("compute_uv", 1)))


@rule("linalg_svdvals", domain="aten", coverage=Coverage.ESTIMATED)
def singular_values(layer: Layer) -> Counts:
    """Count singular values alone.

    Formula: 4 m n^2 - 4 n^3 / 3 operations.
    Source: Golub and Van Loan, Matrix Computations, 4th edition, section 8.6.3
    Example: A (2, 6, 3), S (2, 3): flops 360.
    """
    return _singular(layer, vectors=False)


def _singular(layer: Layer, *, vectors: bool) -> Counts:
    batch, longer, shorter = _sides(layer.input(0))
    square = shorter * shorter
    if vectors:
        return batch * _half_each(14 * longer * square + 8 * square * shorter)
    return batch * _half_each(4 * square * (3 * longer - shorter) // 3)


def _eigen(with_vectors: int, values_alone: tuple[int, int], formula: str) -> Rule:
    """Eigenvalues of square matrices: so many n^3 operations; a quotient for values alone."""

    def count(layer: Layer) -> Counts:
        batch, size, _ = _sides(layer.input(0))
        cube = size**3
        if layer.integer("compute_v", 1) and len(layer.outputs) > 1:
            return batch * _half_each(with_vectors * cube)
        return batch * _half_each(values_alone[0] * cube // values_alone[1])

    return Rule("", count, coverage=Coverage.ESTIMATED, documentation=formula)


EIGENVALUES = (
    *renamed(
        (
            _eigen(
                9,
                (4, 3),
                "Count eigenvalues of symmetric matrices, by symmetric QR: 9 n^3 operations with"
                " vectors, 4 n^3 / 3 for values alone. Golub and Van Loan, section 8.3.",
            ),
        ),
        "aten:linalg_eigh",
        "aten:_linalg_eigh",
        "aten:linalg_eigvalsh",
        "tf:SelfAdjointEigV2",
    ),
    *renamed(
        (
            _eigen(
                25,
                (10, 1),
                "Count eigenvalues, by Schur's form: 25 n^3 operations with vectors, 10 n^3 for"
                " values alone. Golub and Van Loan, section 7.5.",
            ),
        ),
        "aten:linalg_eig",
        "aten:linalg_eigvals",
        "aten:_linalg_eigvals",
        "tf:Eig",
    ),
)

ORTHOGONAL_ELSEWHERE = renamed(orthogonal_triangular, "tf:Qr")


@rule("Svd", domain="tf", coverage=Coverage.ESTIMATED)
def singular_values_first(layer: Layer) -> Counts:
    """Count singular values and, where they are asked for, the thin matrices of their vectors.

    Formula: 14 m n^2 + 8 n^3 operations with vectors, 4 m n^2 - 4 n^3 / 3 without.
    Source: Golub and Van Loan, Matrix Computations, 4th edition, section 8.6.3
    Example: A (2, 6, 3), S (2, 3): flops 1,944.
    """
    # Without vectors, TensorFlow's outputs for them are empty.
    empty = len(layer.outputs) > 1 and layer.outputs[1].numel == 0
    return _singular(layer, vectors=not empty and bool(layer.integer("compute_uv", 1)))
