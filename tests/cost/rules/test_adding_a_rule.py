"""A rule is added by adding one file."""

import json
from pathlib import Path

from builders.command_line import runner
from builders.copies import copy_with

# One file, as anybody would add it.
ADDED = '''\
"""Twice a number."""

from costdb.contracts import Counts, rule
from costdb.ir import Layer


@rule("Double", domain="example.org")
def double(layer: Layer) -> Counts:
    """Count x + x.

    Formula: an add per element.
    Source: this test
    Example: X (4, 10), Y (4, 10): flops 40.
    """
    return Counts(adds=layer.output.numel)
'''


def test_a_rule_is_added_by_adding_one_file(tmp_path: Path) -> None:
    """costdb is copied, a file is put beside the others, and the command line counts by it."""
    import onnx
    from onnx import TensorProto, helper

    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Double", ["x"], ["y"], domain="example.org")],
            "one",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 10])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 10])],
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("example.org", 1)],
    )
    path = tmp_path / "double.onnx"
    onnx.save(model, path)
    run = runner(tmp_path)
    before = json.loads(run("analyze", path, "-f", "json").out)
    assert before["coverage"]["unknown_reasons"] == {
        "example.org:Double": "no rule counts example.org:Double"
    }
    copy = copy_with(tmp_path, "cost/rules/double.py", ADDED)
    after = json.loads(run("analyze", path, "-f", "json", PYTHONPATH=copy).out)
    assert after["totals"]["flops"] == 40
    assert after["coverage"]["unknown_ops"] == {}
