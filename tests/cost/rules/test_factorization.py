"""Factors of matrices, by the formulas in Golub and Van Loan."""

import pytest
from builders.rules import counted, node

from costdb.ir import Layer, Shape

TALL: Shape = (2, 6, 3)


@pytest.mark.parametrize(
    ("layer", "operations"),
    [
        # 2 n^2 (m - n / 3) = 18 * 5 = 90 for each factor.
        pytest.param(node("aten:linalg_qr", [TALL], TALL, (2, 3, 3)), 2 * 180, id="Q and R"),
        pytest.param(node("tf:Qr", [TALL], TALL, (2, 3, 3)), 2 * 180, id="TensorFlow's"),
        pytest.param(
            node("aten:linalg_qr", [TALL], (0,), (2, 3, 3), mode="r"), 2 * 90, id="R alone"
        ),
        pytest.param(node("aten:geqrf", [TALL], TALL, (2, 3)), 2 * 90, id="reflections"),
        pytest.param(node("aten:linalg_qr", [(2, 3, 6)], (2, 3, 3)), 2 * 180, id="a wide matrix"),
        # 14 m n^2 + 8 n^3 = 756 + 216, and 4 m n^2 - 4 n^3 / 3 = 216 - 36.
        pytest.param(node("aten:linalg_svd", [TALL], TALL, (2, 3)), 2 * 972, id="with vectors"),
        pytest.param(
            node("aten:_linalg_svd", [TALL], TALL, (2, 3), compute_uv=0), 2 * 180,
            id="without vectors",
        ),
        pytest.param(node("aten:linalg_svdvals", [TALL], (2, 3)), 2 * 180, id="values"),
        pytest.param(node("tf:Svd", [TALL], (2, 3), TALL), 2 * 972, id="TensorFlow's"),
        pytest.param(node("tf:Svd", [TALL], (2, 3), (0,)), 2 * 180, id="without, by its outputs"),
        pytest.param(
            node("tf:Svd", [TALL], (2, 3), TALL, compute_uv=0), 2 * 180, id="without, as it says"
        ),
        # 9 n^3 and 4 n^3 / 3 of 27; 25 n^3 and 10 n^3.
        pytest.param(
            node("aten:linalg_eigh", [(2, 3, 3)], (2, 3), (2, 3, 3)), 2 * 243, id="symmetric"
        ),
        pytest.param(
            node("aten:_linalg_eigh", [(2, 3, 3)], (2, 3), (2, 3, 3), compute_v=0), 2 * 36,
            id="symmetric, values",
        ),
        pytest.param(
            node("aten:linalg_eigvalsh", [(2, 3, 3)], (2, 3)), 2 * 36, id="symmetric values"
        ),
        pytest.param(node("tf:Eig", [(2, 3, 3)], (2, 3), (2, 3, 3)), 2 * 675, id="any"),
        pytest.param(node("aten:linalg_eigvals", [(2, 3, 3)], (2, 3)), 2 * 270, id="any, values"),
        pytest.param(node("aten:linalg_svd", [(2, 0, 3)], (2, 0, 3)), 0, id="of nothing"),
        # n logs and n - 1 adds beside elimination: 3 divisions, 5 products and sums.
        pytest.param(node("tf:LogMatrixDeterminant", [(2, 3, 3)], (2,), (2,)), 2 * 18, id="log"),
        pytest.param(node("aten:logdet", [(2, 0, 0)], (2,)), 0, id="log of nothing"),
        pytest.param(node("tf:Lu", [(2, 3, 3)], (2, 3, 3), (2, 3)), 2 * 13, id="triangles"),
        # Two triangles of 3 for 4 right sides: 24 products and sums each, divisions.
        pytest.param(
            node("aten:linalg_lu_solve", [(2, 3, 3), (2, 3), (2, 3, 4)], (2, 3, 4)),
            2 * (48 + 12), id="with an upper diagonal",
        ),
        pytest.param(
            node("aten:lu_solve", [(2, 3, 4), (2, 3, 3), (2, 3)], (2, 3, 4)), 2 * (48 + 12),
            id="right sides first",
        ),
        pytest.param(
            node("aten:cholesky_solve", [(2, 3, 4), (2, 3, 3)], (2, 3, 4)), 2 * (48 + 24),
            id="with both diagonals",
        ),
        pytest.param(
            node("aten:cholesky_solve", [(2, 3, 0), (2, 3, 3)], (2, 3, 0)), 0, id="no right sides"
        ),
    ],
)  # fmt: skip
def test_operations(layer: Layer, operations: int) -> None:
    counts = counted(layer)
    assert counts.operations == operations
    assert counts.macs == 0
