"""What a layer is called and which module it belongs to."""

import re
from collections.abc import Collection

from onnx import NodeProto

# PyTorch's exporter lists the names of the modules around a node, outermost first, then its own:
# "['', 'encoder', 'encoder.layer.0', 'linear']".
_NAME_SCOPES = "pkg.torch.onnx.name_scopes"
_QUOTED = re.compile(r"'([^']*)'")


def layer_name(node: NodeProto, path: str, taken: Collection[str]) -> str:
    """The node's name behind the path of the call that it comes from.

    A node without a name, or with one that is taken, is called after its operator and output.
    """
    if node.name:
        name = _joined(path, node.name)
        if name not in taken:
            return name
    output = next((name for name in node.output if name), "")
    return _joined(path, f"{node.op_type}:{output}")


def module_path(node: NodeProto, path: str) -> str:
    """The module that a node belongs to, "/"-separated, as the exporter says or its name shows."""
    for entry in node.metadata_props:
        if entry.key == _NAME_SCOPES:
            return _joined(path, _nested_modules(_QUOTED.findall(entry.value)[:-1]))
    return _joined(path, node.name.strip("/").rpartition("/")[0])


def _nested_modules(qualified_names: list[str]) -> str:
    """A path out of ever longer dotted names: encoder, encoder.layer.0 is encoder/layer.0."""
    parts: list[str] = []
    outer = ""
    for name in qualified_names:
        if name and name != outer:
            parts.append(name.removeprefix(f"{outer}.") if outer else name)
            outer = name
    return "/".join(parts)


def _joined(path: str, name: str) -> str:
    return f"{path.strip('/')}/{name.lstrip('/')}".strip("/") if path else name
