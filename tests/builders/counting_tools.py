"""The tools whose counts costdb's conventions reproduce, each asked for one total."""

import logging
import warnings
from pathlib import Path
from typing import Any

from builders.tensorflow_models import tensorflow


def fvcore_macs(module: Any, inputs: tuple[Any, ...]) -> int:
    """What fvcore calls flops."""
    from fvcore.nn import FlopCountAnalysis

    # It says so of every operator that it has no handler for.
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(FlopCountAnalysis(module, inputs).total())


def thop_macs(module: Any, inputs: tuple[Any, ...]) -> int:
    """What ultralytics-thop calls MACs."""
    import thop

    return int(thop.profile(module, inputs, verbose=False)[0])


def torch_macs(module: Any, inputs: tuple[Any, ...]) -> int:
    """Half of what PyTorch's FlopCounterMode says, with nothing run in one piece.

    It does not see the products of attention and of recurrent layers otherwise.
    """
    from torch.backends import mkldnn
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH), mkldnn.flags(enabled=False):
        module(*inputs)
    return int(counter.get_total_flops()) // 2


def profiler_flops(path: Path) -> int:
    """What TensorFlow's profiler says of a GraphDef."""
    tf = tensorflow()
    v1 = tf.compat.v1
    graph_def = v1.GraphDef.FromString(path.read_bytes())
    options = v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        return int(v1.profiler.profile(graph, options=options).total_float_ops)
