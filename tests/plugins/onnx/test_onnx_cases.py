"""The onnx package's own tests, every one: a result each, with the shapes that onnx expects."""

from pathlib import Path

import pytest
from builders.onnx_cases import Case, model_cases, node_cases

from costdb.contracts import Coverage
from costdb.cost.engine import cost
from costdb.cost.rules import built_in_rules
from costdb.cost.unsupported import UNSUPPORTED
from costdb.ir import Graph, Layer, Tensor
from costdb.source import Source
from costdb_onnx import OnnxLoader

# No shape tells how long text is, or how large an image is before it is decoded.
UNDECIDED = ("test_image_decoder", "test_string_split", "test_strnorm")

# A sequence that grows, and what a loop appends to, has no length before the model runs.
GROWING = {"test_loop11", "test_sequence_model1", "test_sequence_model4", "test_sequence_model5"}

# Operators of these have as many outputs as data say; the largest sizes are known, and marked.
BOUNDED = ("test_compress", "test_loop11", "test_nonmaxsuppression", "test_nonzero", "test_unique")

# Their operators are the gradients of other graphs, and have no shape inference.
GRADIENTS = {"test_gradient_of_add", "test_gradient_of_add_and_mul"}

# It maps over sequences whose elements have no shape before the model runs.
MAPPED = {"test_sequence_map_add_2_sequences", "test_sequence_map_add_2_sequences_expanded"}


@pytest.fixture(scope="module", params=[node_cases, model_cases], ids=["nodes", "models"])
def cases(request: pytest.FixtureRequest) -> list[Case]:
    collected: list[Case] = request.param()
    # onnx 1.19 has as many node tests; its folders have had as many models for years.
    assert len(collected) >= (1500 if request.param is node_cases else 140)
    return collected


def read(case: Case, folder: Path) -> Graph:
    path = folder / "model.onnx"
    path.write_bytes(case.model.SerializeToString())
    with Source(path) as source:
        return OnnxLoader().load(source, case.binding())


def uncounted(graph: Graph) -> list[tuple[Layer, str]]:
    """Layers that are unknown, and why."""
    entries = zip(graph.all_layers(), cost(graph).layers, strict=True)
    return [(layer, entry.note) for layer, entry in entries if entry.coverage is Coverage.UNKNOWN]


def test_each_has_a_result_and_what_is_not_counted_is_named(
    cases: list[Case], tmp_path: Path
) -> None:
    rules = built_in_rules()
    for case in cases:
        for layer, note in uncounted(read(case, tmp_path)):
            operator = (layer.domain, layer.op)
            is_unsupported = note and operator in UNSUPPORTED
            has_no_shape = operator in rules and note.endswith("is unknown")
            assert is_unsupported or has_no_shape, (case.name, operator, note)


def test_shapes_are_those_of_the_expected_outputs(cases: list[Case], tmp_path: Path) -> None:
    compared = 0
    without, bounded, uncosted = set(), set(), set()
    for case in cases:
        graph = read(case.without_declared_shapes(), tmp_path)
        for tensor, expected in zip(graph.outputs, case.outputs, strict=False):
            if expected is None:
                continue
            compared += 1
            if tensor.shape is None or None in tensor.shape:
                without.add(case.name)
            elif tensor.is_upper_bound:
                bounded.add(case.name)
                assert fits(tensor, expected.shape), (case.name, tensor, expected.shape)
            else:
                assert tensor.shape == expected.shape, (case.name, tensor)
        if any((layer.domain, layer.op) not in UNSUPPORTED for layer, _ in uncounted(graph)):
            uncosted.add(case.name)
    assert compared > len(cases) * 0.9
    assert {name for name in without if not name.startswith(UNDECIDED)} <= GROWING | GRADIENTS
    assert {name for name in bounded if not name.startswith(BOUNDED)} == set()
    assert uncosted <= MAPPED


def fits(tensor: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether a shape is within the sizes of an upper bound."""
    sizes = tensor.sizes
    return len(sizes) == len(shape) and all(
        size <= most for size, most in zip(shape, sizes, strict=True)
    )
