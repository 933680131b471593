"""What costdb is timed against, on which files, and what is wanted of the ratios."""

from collections.abc import Callable

from benchmarks.models import COSTDB, MODELS, exported, large_external, large_single, vgg16
from benchmarks.timing import Comparison, python


def _flop_counter(name: str) -> list[str]:
    """PyTorch's own way: load the exported program and run it under its counter."""
    return python(
        "import torch\n"
        "from torch.utils.flop_counter import FlopCounterMode\n"
        f"module = torch.export.load({str(MODELS / name)!r}).module()\n"
        "with torch.no_grad(), FlopCounterMode(display=False) as counter:\n"
        "    module(torch.randn(1, 3, 224, 224))\n"
        "print(counter.get_total_flops() // 2)\n"
    )


def _onnx_tool(name: str) -> list[str]:
    """onnx-tool's own way, up to its totals."""
    return python(
        "import onnx_tool\n"
        f"graph = onnx_tool.Model({str(MODELS / name)!r}).graph\n"
        "graph.graph_reorder_nodes()\n"
        "graph.shape_infer(None)\n"
        "graph.profile()\n"
        "print(graph.macs, graph.params)\n"
    )


def _tf_profiler(name: str) -> list[str]:
    """TensorFlow's own way: import the graph and profile its floating-point operations."""
    return python(
        "import tensorflow as tf\n"
        "v1 = tf.compat.v1\n"
        f"content = open({str(MODELS / name)!r}, 'rb').read()\n"
        "graph_def = v1.GraphDef.FromString(content)\n"
        "options = v1.profiler.ProfileOptionBuilder.float_operation()\n"
        "options['output'] = 'none'\n"
        "with tf.Graph().as_default() as graph:\n"
        "    tf.import_graph_def(graph_def, name='')\n"
        "    print(v1.profiler.profile(graph, options=options).total_float_ops)\n"
    )


def _analysis(
    label: str,
    file: str,
    peer: Callable[[str], list[str]],
    *,
    prepare: Callable[[], object],
    aim: str,
    runs: int = 5,
) -> Comparison:
    command = [COSTDB, "analyze", str(MODELS / file)]
    return Comparison(label, command, peer(file), aim, prepare, runs)


_PT2_AIM = "time at most 1/8, memory at most 1/5"

COMPARISONS = (
    Comparison("--version", [COSTDB, "--version"], python("import typer"), "time at most 1.5x"),
    Comparison("--help", [COSTDB, "--help"], python("import typer"), "time at most 2.5x"),
    _analysis(
        "ResNet-50 `.pt2`, FlopCounterMode",
        "resnet50.pt2",
        _flop_counter,
        prepare=exported("resnet50", "pt2"),
        aim=_PT2_AIM,
    ),
    _analysis(
        "ViT-B/16 `.pt2`, FlopCounterMode",
        "vit_b_16.pt2",
        _flop_counter,
        prepare=exported("vit_b_16", "pt2"),
        aim=_PT2_AIM,
    ),
    _analysis(
        "ViT-B/16 `.onnx`, 346 MB, onnx-tool",
        "vit_b_16.onnx",
        _onnx_tool,
        prepare=exported("vit_b_16", "onnx"),
        aim="time at most 1/3, memory at most 1/6",
    ),
    _analysis(
        "1.9 GB in one `.onnx`, onnx-tool",
        "large.onnx",
        _onnx_tool,
        prepare=large_single,
        aim="time at most 1/50, under 120 MB",
        runs=3,
    ),
    _analysis(
        "`.onnx` with 4 GB beside it, onnx-tool",
        "external.onnx",
        _onnx_tool,
        prepare=large_external,
        aim="time at most 1/100, under 120 MB",
        runs=3,
    ),
    _analysis(
        "VGG-16 `.pb`, 553 MB, `import tensorflow` alone",
        "vgg16.pb",
        lambda _: python("import tensorflow"),
        prepare=vgg16,
        aim="memory at most that of the import plus 60 MiB",
    ),
    _analysis(
        "VGG-16 `.pb`, 553 MB, import and `tf.compat.v1.profiler`",
        "vgg16.pb",
        _tf_profiler,
        prepare=vgg16,
        aim="time at most 1/12, under 450 MB",
        runs=3,
    ),
)
