"""Determinants, inverses and systems of equations, by Gaussian elimination.

The definitions leave the algorithm open, so the counts are estimated. Elimination with n pivots
takes a division for each element below the diagonal, n (n - 1) / 2, and a multiplication and an
add for each element right of and below each pivot, (n - 1) n (2n - 1) / 6.
"""

from costdb.contracts import Counts, Coverage, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Tensor


def elimination(size: int) -> Counts:
    """An n x n matrix to lower and upper triangles."""
    pairs = (size - 1) * size * (2 * size - 1) // 6
    return Counts(divs=size * (size - 1) // 2, muls=pairs, adds=pairs)


def substitution(size: int, columns: int) -> Counts:
    """A triangular system of n unknowns for so many right sides, without the divisions."""
    steps = columns * size * (size - 1) // 2
    return Counts(muls=steps, adds=steps)


def _batch(matrix: Tensor) -> tuple[int, int]:
    """How many square matrices there are, and their size."""
    size = matrix.size(-1)
    return matrix.numel // (size * size) if size else 0, size


def _columns(layer: Layer, size: int) -> int:
    """Right sides of one system: of the whole output, each n elements."""
    batch, _ = _batch(layer.input(0))
    return layer.output.numel // (size * batch) if size * batch else 0


@rule("Det", coverage=Coverage.ESTIMATED)
def determinant(layer: Layer) -> Counts:
    """Count determinants of matrices (..., n, n).

    Formula: by elimination, n (n - 1) / 2 divisions, (n - 1) n (2n - 1) / 6 multiplications and
    adds; n - 1 multiplications along the diagonal.
    Source: https://onnx.ai/onnx/operators/onnx__Det.html
    Example: X (2, 3, 3), Y (2,): flops 30.
    """
    batch, size = _batch(layer.input(0))
    return batch * (elimination(size) + Counts(muls=size - 1))


DETERMINANTS = renamed(
    determinant,
    "aten:det",
    "aten:linalg_det",
    "aten:_linalg_det",
    "tf:MatrixDeterminant",
)


@rule("linalg_slogdet", "_linalg_slogdet", "logdet", domain="aten", coverage=Coverage.ESTIMATED)
def log_determinant(layer: Layer) -> Counts:
    """Count logarithms of determinants of matrices (..., n, n).

    Formula: by elimination, n (n - 1) / 2 divisions, (n - 1) n (2n - 1) / 6 multiplications and
    adds; n logs and n - 1 adds along the diagonal.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.slogdet.html
    Example: X (2, 3, 3), Y (2,): flops 36.
    """
    batch, size = _batch(layer.input(0))
    diagonal = Counts(specials=size, adds=max(size - 1, 0))
    return batch * (elimination(size) + diagonal)


LOG_DETERMINANTS = renamed(log_determinant, "tf:LogMatrixDeterminant")


@rule("Inverse", domain="com.microsoft", coverage=Coverage.ESTIMATED)
def inverse(layer: Layer) -> Counts:
    """Count inverses of matrices (..., n, n), by Gauss and Jordan, in place.

    Formula: for each of n pivots n divisions, and for each of the n - 1 other rows n
    multiplications and adds.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (2, 3, 3), Y (2, 3, 3): flops 90.
    """
    batch, size = _batch(layer.input(0))
    steps = size * (size - 1) * size
    return batch * Counts(divs=size * size, muls=steps, adds=steps)


INVERSES = renamed(
    inverse,
    "aten:inverse",
    "aten:linalg_inv",
    "aten:linalg_inv_ex",
    "tf:MatrixInverse",
)


@rule("linalg_cholesky", "linalg_cholesky_ex", "cholesky", domain="aten",
      coverage=Coverage.ESTIMATED)  # fmt: skip
def cholesky(layer: Layer) -> Counts:
    """Count the triangles L of matrices L L', (..., n, n).

    Formula: n square roots, n (n - 1) / 2 divisions, (n^3 - n) / 6 multiplications and adds.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.cholesky.html
    Example: X (2, 3, 3), Y (2, 3, 3): flops 28.
    """
    batch, size = _batch(layer.input(0))
    steps = (size**3 - size) // 6
    return batch * Counts(specials=size, divs=size * (size - 1) // 2, muls=steps, adds=steps)


CHOLESKY = renamed(cholesky, "tf:Cholesky")


@rule("MatrixTriangularSolve", domain="tf", coverage=Coverage.ESTIMATED)
def triangular_solve(layer: Layer) -> Counts:
    """Count the solutions of triangular systems (..., n, n) for m right sides.

    Formula: n m divisions, m n (n - 1) / 2 multiplications and adds.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/MatrixTriangularSolve
    Example: A (2, 3, 3), B (2, 3, 4), Y (2, 3, 4): flops 72.
    """
    batch, size = _batch(layer.input(0))
    return batch * substitution(size, _columns(layer, size)) + Counts(divs=layer.output.numel)


TRIANGULAR_SOLVES = renamed(triangular_solve, "aten:linalg_solve_triangular")


@rule("MatrixSolve", domain="tf", coverage=Coverage.ESTIMATED)
def solve(layer: Layer) -> Counts:
    """Count the solutions of systems (..., n, n) for m right sides.

    Formula: by elimination, n (n - 1) / 2 divisions, (n - 1) n (2n - 1) / 6 multiplications and
    adds; for both triangles m n (n - 1) multiplications and adds, n m divisions.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/MatrixSolve
    Example: A (2, 3, 3), B (2, 3, 4), Y (2, 3, 4): flops 146.
    """
    batch, size = _batch(layer.input(0))
    both = 2 * substitution(size, _columns(layer, size))
    return batch * (elimination(size) + both) + Counts(divs=layer.output.numel)


SOLVES = renamed(solve, "aten:linalg_solve", "aten:linalg_solve_ex", "aten:_linalg_solve_ex")


@rule("linalg_lu_factor", "linalg_lu_factor_ex", "linalg_lu", domain="aten",
      coverage=Coverage.ESTIMATED)  # fmt: skip
def triangles(layer: Layer) -> Counts:
    """Count the lower and upper triangles of matrices (..., n, n).

    Formula: by elimination, n (n - 1) / 2 divisions, (n - 1) n (2n - 1) / 6 multiplications and
    adds.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html
    Example: X (2, 3, 3), Y (2, 3, 3): flops 26.
    """
    batch, size = _batch(layer.input(0))
    return batch * elimination(size)


TRIANGLES = renamed(triangles, "tf:Lu")


@rule("linalg_lu_solve", "lu_solve", "cholesky_solve", domain="aten", coverage=Coverage.ESTIMATED)
def solve_with_factors(layer: Layer) -> Counts:
    """Count the solutions of systems whose triangles are known, for m right sides.

    Formula: for both triangles m n (n - 1) multiplications and adds, 2 n m divisions by the
    diagonals of Cholesky's factors, n m by that of an upper triangle.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.lu_solve.html
    Example: A (2, 3, 3), p (2, 3), B (2, 3, 4), Y (2, 3, 4): flops 120.
    """
    # The right sides come first or last; the output is as large.
    solution = layer.output
    size, columns = solution.size(-2), solution.size(-1)
    batch = solution.numel // (size * columns) if size * columns else 0
    diagonals = 2 if layer.op == "cholesky_solve" else 1
    steps = 2 * substitution(size, columns)
    return batch * steps + Counts(divs=diagonals * solution.numel)
