"""Free dimensions: bound by name, by an input's shape, or as the batch."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import torch_models as models

from costdb.errors import BindingError, UnboundDimension
from costdb.ir import Graph, Shape

torch = pytest.importorskip("torch", reason="it exports the models")

Load = Callable[..., Graph]


def input_shapes(graph: Graph) -> list[Shape | None]:
    return [tensor.shape for tensor in graph.inputs]


def symbols(path: Path, name: str) -> list[str]:
    """The free sizes of an input as the file writes them."""
    meta = models.program_json(path)["graph_module"]["graph"]["tensor_values"][name]
    texts = [size["as_expr"]["expr_str"] for size in meta["sizes"] if "as_expr" in size]
    return [symbol for text in texts for symbol in re.findall(r"\bs\d+\b", text)]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Images of any number and any height."""
    return models.export(
        models.convnet(),
        [torch.randn(4, 3, 64, 32)],
        tmp_path / "images.pt2",
        dynamic_shapes=[{0: torch.export.Dim("batch", max=64), 2: torch.export.Dim.DYNAMIC}],
    )


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """Two inputs, one a row longer than the other."""
    rows = torch.export.Dim("rows", min=3, max=100)
    return models.export(
        models.network(lambda _, x, y: (x + y[1:], x.reshape(-1, 2))),
        [torch.randn(4, 8), torch.randn(5, 8)],
        tmp_path / "shifted.pt2",
        dynamic_shapes=[{0: rows}, {0: rows + 1}],
    )


@pytest.fixture
def even(tmp_path: Path) -> Path:
    """An even number of rows, which is written as twice a dimension."""
    return models.export(
        models.network(lambda _, x: x + 1),
        [torch.randn(4, 8)],
        tmp_path / "even.pt2",
        dynamic_shapes=[{0: 2 * torch.export.Dim("half")}],
    )


def test_an_input_binds_its_dimensions(images: Path, load: Load) -> None:
    graph = load(images, inputs=["input=2x3x48x32"])
    assert graph.layers[0].output.shape == (2, 8, 48, 32)
    assert graph.outputs[0].shape == (2, 10)
    assert graph.notes == ()


def test_a_dimension_is_bound_by_its_name(images: Path, load: Load) -> None:
    batch, height = symbols(images, "input")
    graph = load(images, dims=[f"{batch}=5", f"{height}=48"])
    assert input_shapes(graph) == [(5, 3, 48, 32)]


def test_the_batch_is_one_and_says_so(images: Path, load: Load) -> None:
    batch, height = symbols(images, "input")
    graph = load(images, dims=[f"{height}=48"])
    assert input_shapes(graph) == [(1, 3, 48, 32)]
    assert graph.notes == (f"input 'input': the open dimension {batch!r} of axis 0 is taken as 1",)


def test_any_other_open_dimension_is_an_error(images: Path, load: Load) -> None:
    _, height = symbols(images, "input")
    with pytest.raises(UnboundDimension, match=f"free dimension {height!r}") as raised:
        load(images)
    assert raised.value.hint == f"add --dim {height}=224"


@pytest.mark.parametrize(
    "binding",
    [
        pytest.param({"dims": ["{}=7"]}, id="the dimension"),
        pytest.param({"inputs": ["x=7x8"]}, id="the input that has it"),
        pytest.param({"inputs": ["y=8x8"]}, id="the input that has a formula"),
        pytest.param({"inputs": ["x=7x8", "y=8x8"]}, id="both inputs"),
    ],
)
def test_sizes_are_computed_from_dimensions(
    shifted: Path, load: Load, binding: dict[str, list[str]]
) -> None:
    (rows,) = symbols(shifted, "x")
    graph = load(shifted, **{key: [text.format(rows) for text in binding[key]] for key in binding})
    assert input_shapes(graph) == [(7, 8), (8, 8)]
    assert [tensor.shape for tensor in graph.outputs] == [(7, 8), (28, 2)]


def test_inputs_that_contradict_each_other_are_refused(shifted: Path, load: Load) -> None:
    with pytest.raises(BindingError, match="input 'y' is 8x8 in the file, not 9x8"):
        load(shifted, inputs=["x=7x8", "y=9x8"])


def test_a_dimension_that_only_formulas_name(even: Path, load: Load) -> None:
    (half,) = symbols(even, "x")
    assert input_shapes(load(even, dims=[f"{half}=5"])) == [(10, 8)]
    assert input_shapes(load(even, inputs=["x=12x8"])) == [(12, 8)]
    unbound = load(even)
    assert input_shapes(unbound) == [(2, 8)]
    assert unbound.notes == (f"input 'x': {half!r} in axis 0, 2 * {half}, is taken as 1",)


def test_a_shape_that_no_dimension_gives_is_refused(even: Path, load: Load) -> None:
    """An odd number of rows where there are twice as many as something."""
    with pytest.raises(BindingError):
        load(even, inputs=["x=11x8"])


@pytest.mark.parametrize(
    ("size", "message"),
    [
        pytest.param(2, "at least 3 in the program, not 2", id="too small"),
        pytest.param(101, "at most 100 in the program, not 101", id="too large"),
    ],
)
def test_a_size_out_of_range_is_refused(shifted: Path, load: Load, size: int, message: str) -> None:
    (rows,) = symbols(shifted, "x")
    with pytest.raises(BindingError, match=message):
        load(shifted, dims=[f"{rows}={size}"])


def test_one_is_in_range_of_a_dimension_that_was_traced_with_two(images: Path, load: Load) -> None:
    """PyTorch traces every free dimension with at least 2, and writes that as its range."""
    batch, height = symbols(images, "input")
    assert input_shapes(load(images, dims=[f"{batch}=1", f"{height}=32"])) == [(1, 3, 32, 32)]


def test_an_unknown_dimension_is_refused(images: Path, load: Load) -> None:
    batch, height = sorted(symbols(images, "input"))
    with pytest.raises(BindingError, match="no free dimension 'batch'") as raised:
        load(images, dims=["batch=2"])
    assert raised.value.hint == f"its free dimensions: {batch}, {height}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("image=1x3x32x32", "no input 'image'", id="no such input"),
        pytest.param("input=1x3x32", "has 4 axes", id="another rank"),
        pytest.param("input=1x3x32x31", "not 1x3x32x31", id="a fixed size"),
        pytest.param("input=1x3x32x32:float16", "float32 in the file", id="another type"),
        pytest.param("input:=3", "is a tensor, not a number", id="a value"),
    ],
)
def test_a_binding_that_does_not_fit_is_refused(
    images: Path, load: Load, text: str, message: str
) -> None:
    with pytest.raises(BindingError, match=message):
        load(images, inputs=[text])


def test_a_number_is_bound_by_its_value(tmp_path: Path, load: Load) -> None:
    path = models.export(
        models.network(lambda _, x, n: x[:, :n]),
        [torch.randn(2, 16), 3],
        tmp_path / "number.pt2",
        dynamic_shapes=[None, torch.export.Dim.DYNAMIC],
    )
    assert load(path, inputs=["n:=5"]).outputs[0].shape == (2, 5)
    with pytest.raises(UnboundDimension, match="input 'n' is a number") as raised:
        load(path)
    assert raised.value.hint == "add --input n:=16"


def test_sizes_that_data_decide_take_their_upper_bound(tmp_path: Path, load: Load) -> None:
    model = models.network(lambda _, x: (x.nonzero() + 1, x[x > 0] * 2, x.sum()))
    graph = load(models.export(model, [torch.randn(3, 4)], tmp_path / "data.pt2"))
    indices, chosen, total = graph.outputs
    assert (indices.shape, indices.is_upper_bound) == ((12, 2), True)
    assert (chosen.shape, chosen.is_upper_bound) == ((12,), True)
    assert (total.shape, total.is_upper_bound) == ((), False)


def test_a_size_that_nothing_bounds_is_unknown(tmp_path: Path, load: Load) -> None:
    def forward(_: object, x: object) -> object:
        return torch.ones(x.sum().item()) * 2  # type: ignore[attr-defined] # a tensor

    model = models.network(forward)
    graph = load(models.export(model, [torch.ones(4, dtype=torch.int64)], tmp_path / "u.pt2"))
    assert graph.outputs[0].shape == (None,)


def test_a_size_that_a_check_bounds_takes_the_bound(tmp_path: Path, load: Load) -> None:
    def forward(_: object, x: object) -> object:
        size = x.sum().item()  # type: ignore[attr-defined] # a tensor
        torch._check(size <= 100)
        return torch.ones(size) * 2

    model = models.network(forward)
    graph = load(models.export(model, [torch.ones(4, dtype=torch.int64)], tmp_path / "b.pt2"))
    assert (graph.outputs[0].shape, graph.outputs[0].is_upper_bound) == ((100,), True)
