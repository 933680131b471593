"""The tools of the accuracy table, each asked for its MACs and parameters as its users ask it."""

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cases import Case
from builders import counting_tools, networks, torch_models


@dataclass(frozen=True, slots=True)
class Count:
    """What a tool says: multiply-accumulates, and parameters if it counts any."""

    macs: int
    params: int | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """One column of the table.

    Attributes:
        name: The tool.
        reads: What it is given: "pt2", "onnx", "pb", or "" for the PyTorch module.
        count: Asks it. It may raise whatever the tool raises.
    """

    name: str
    reads: str
    count: Callable[[Case, Path], Count]


def _module_counter(name: str, ask: Callable[[Any, tuple[Any, ...]], Count]) -> Counter:
    def count(case: Case, _: Path) -> Count:
        import torch

        with _quiet(), torch.no_grad():
            return ask(case.torch(), tuple(torch.rand(shape) for shape in case.shapes))

    return Counter(name, "", count)


def _file_counter(name: str, reads: str, ask: Callable[[Path], Count]) -> Counter:
    def count(case: Case, folder: Path) -> Count:
        with _quiet():
            return ask(artifact(case, reads, folder))

    return Counter(name, reads, count)


def artifact(case: Case, file_format: str, folder: Path) -> Path:
    """The case as a file, exported on first use."""
    path = folder / f"{case.slug}.{file_format}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if file_format == "pb":
            assert case.keras is not None
            model = case.keras()
            shape = tuple(size or 1 for size in model.input_shape)
            networks.export(model, [shape], "pb", folder).rename(path)
        else:
            networks.export(case.torch(), list(case.shapes), file_format, folder).rename(path)
    return path


def _costdb(path: Path) -> Count:
    from costdb import api

    totals = api.analyze(str(path)).cost.totals
    assert totals.macs is not None
    return Count(totals.macs, totals.params)


def _fvcore(module: Any, inputs: tuple[Any, ...]) -> Count:
    from fvcore.nn import parameter_count

    return Count(counting_tools.fvcore_macs(module, inputs), parameter_count(module)[""])


def _thop(module: Any, inputs: tuple[Any, ...]) -> Count:
    import thop

    macs, params = thop.profile(module, inputs, verbose=False)
    return Count(int(macs), int(params))


def _calflops(module: Any, inputs: tuple[Any, ...]) -> Count:
    from calflops import calculate_flops

    _, macs, params = calculate_flops(
        module, args=list(inputs), print_results=False, output_as_string=False
    )
    return Count(int(macs), int(params))


def _ptflops(module: Any, inputs: tuple[Any, ...]) -> Count:
    torch_models.import_torchvision()  # ptflops imports it
    from ptflops import get_model_complexity_info

    named = dict(zip(inspect.signature(module.forward).parameters, inputs, strict=False))
    macs, params = get_model_complexity_info(
        module,
        tuple(inputs[0].shape[1:]),
        print_per_layer_stat=False,
        as_strings=False,
        input_constructor=lambda _: named,
    )
    if macs is None:
        raise RuntimeError("it says nothing")
    return Count(int(macs), int(params))


def _torchinfo(module: Any, inputs: tuple[Any, ...]) -> Count:
    import torchinfo

    summary = torchinfo.summary(module, input_data=list(inputs), verbose=0)
    return Count(summary.total_mult_adds, summary.total_params)


def _torchprofile(module: Any, inputs: tuple[Any, ...]) -> Count:
    from torchprofile import profile_macs

    return Count(int(profile_macs(module, inputs)))


def _flop_counter(module: Any, inputs: tuple[Any, ...]) -> Count:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return Count(int(counter.get_total_flops()) // 2)


def _onnx_tool(path: Path) -> Count:
    import onnx_tool

    graph = onnx_tool.Model(str(path)).graph
    graph.graph_reorder_nodes()
    graph.shape_infer(None)
    graph.profile()
    return Count(int(graph.macs[0]), int(graph.params))


def _tf_profiler(path: Path) -> Count:
    return Count(counting_tools.profiler_flops(path) // 2)


COUNTERS = (
    _file_counter("costdb `.pt2`", "pt2", _costdb),
    _file_counter("costdb `.onnx`", "onnx", _costdb),
    _file_counter("costdb `.pb`", "pb", _costdb),
    _module_counter("FlopCounterMode", _flop_counter),
    _module_counter("fvcore", _fvcore),
    _module_counter("thop", _thop),
    _module_counter("calflops", _calflops),
    _module_counter("ptflops", _ptflops),
    _module_counter("torchinfo", _torchinfo),
    _module_counter("torchprofile", _torchprofile),
    _file_counter("onnx-tool", "onnx", _onnx_tool),
    _file_counter("TF profiler", "pb", _tf_profiler),
)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
