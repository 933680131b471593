"""Reads the JSON in which `torch.export` writes a program.

The schema is torch/_export/serde/schema.py. Fields that say nothing about cost (devices, strides,
the call tree of modules) are passed over, so that files of older and newer versions read alike.
"""

import re
from collections.abc import Callable, Mapping

from costdb.plugins import BrokenArtifact, Role
from costdb_torch.checked_json import Json
from costdb_torch.dtypes import SCALAR_TYPES
from costdb_torch.expressions import readable
from costdb_torch.program import (
    Argument,
    Node,
    Program,
    ProgramGraph,
    Range,
    Size,
    StoredInput,
    SymbolReference,
    TensorMeta,
    TensorReference,
)

# Branches within branches; real programs nest a few deep.
MAX_GRAPH_DEPTH = 32


def program_from_json(document: Json) -> Program:
    """The program that a document holds. Raises BrokenArtifact."""
    module = document["graph_module"]
    graph = _graph(module["graph"], MAX_GRAPH_DEPTH)
    stored: dict[str, StoredInput] = {}
    user_inputs: list[TensorReference | SymbolReference] = []
    for entry in module["signature"]["input_specs"].elements():
        kind, spec = entry.entry()
        if kind == "user_input":
            argument = _argument(spec["arg"], 0)
            if isinstance(argument, TensorReference | SymbolReference):
                user_inputs.append(argument)
        elif kind in _STORED_INPUTS:
            key, role = _STORED_INPUTS[kind]
            stored[spec["arg"]["name"].text()] = StoredInput(spec[key].text(), role)
    return Program(
        graph=graph,
        stored=stored,
        user_inputs=tuple(user_inputs),
        outputs=_outputs(module["signature"]["output_specs"]),
        ranges=_ranges(document.get("range_constraints")),
    )


def tensor_meta(value: Json) -> TensorMeta:
    """A tensor's sizes and type. Raises BrokenArtifact."""
    return TensorMeta(
        tuple(_size(size) for size in value["sizes"].elements()),
        SCALAR_TYPES.get(value["dtype"].integer()),
    )


_STORED_INPUTS = {
    "parameter": ("parameter_name", Role.PARAMETER),
    "buffer": ("buffer_name", Role.BUFFER),
    "tensor_constant": ("tensor_constant_name", Role.CONSTANT),
}


def _outputs(specs: Json) -> tuple[str, ...]:
    """What a caller gets; of a program that returns nothing, the state that it changes."""
    returned: list[str] = []
    changed: list[str] = []
    for entry in specs.elements():
        kind, spec = entry.entry()
        if kind == "user_output":
            argument = _argument(spec["arg"], 0)
            if isinstance(argument, TensorReference):
                returned.append(argument.name)
        elif kind == "loss_output":
            returned.append(spec["arg"]["name"].text())
        elif kind in {"buffer_mutation", "parameter_mutation", "user_input_mutation"}:
            changed.append(spec["arg"]["name"].text())
    return tuple(returned or changed)


def _ranges(constraints: Json | None) -> dict[str, Range]:
    ranges = {}
    for symbol, limits in constraints.items() if constraints else ():
        low, high = limits.get("min_val"), limits.get("max_val")
        ranges[symbol] = Range(low.integer() if low else None, high.integer() if high else None)
    return ranges


def _graph(value: Json, depth: int) -> ProgramGraph:
    """A graph that may nest so many levels of graphs."""
    symbols = value.get("sym_int_values")
    return ProgramGraph(
        inputs=tuple(_argument(entry, 0) for entry in value["inputs"].elements()),
        outputs=tuple(_argument(entry, 0) for entry in value["outputs"].elements()),
        nodes=tuple(
            _node(entry, position, depth)
            for position, entry in enumerate(value["nodes"].elements())
        ),
        tensors={name: tensor_meta(entry) for name, entry in value["tensor_values"].items()},
        symbols={
            name: _size(entry, signed=True) for name, entry in (symbols.items() if symbols else ())
        },
    )


def _node(value: Json, position: int, depth: int) -> Node:
    arguments: dict[str, Argument] = {}
    for number, entry in enumerate(value["inputs"].elements()):
        # Higher-order operators have no schema: their arguments are nameless.
        name = entry["name"].text() or str(number)
        arguments[name] = _argument(entry["arg"], depth)
    outputs = tuple(_argument(entry, depth) for entry in value["outputs"].elements())
    metadata = value.get("metadata")
    stack = metadata and metadata.get("nn_module_stack")
    scope, module = innermost_module(stack.text()) if stack else ("", "")
    own_name = value.get("name")
    return Node(
        name=own_name.text() if own_name else _name_of(outputs, position),
        target=value["target"].text(),
        arguments=arguments,
        outputs=outputs,
        scope=scope,
        module=module,
    )


def _name_of(outputs: tuple[Argument, ...], position: int) -> str:
    """Older files do not name a node: it is then called as its first result."""
    for output in outputs:
        for item in output if isinstance(output, tuple) else (output,):
            if isinstance(item, TensorReference | SymbolReference):
                return item.name
    return f"node_{position}"


# A module that is called several times has a number behind its path: "norm@1".
_CALL_NUMBER = re.compile(r"@\d+")


def innermost_module(stack: str) -> tuple[str, str]:
    """The path and class of the last entry of a module stack, "key,path,class;..."."""
    entry = stack.rpartition(";")[2].split(",", 2)
    if len(entry) != 3 or entry[0] == entry[1] == entry[2]:
        # What PyTorch's own passes add to a graph names the pass three times over.
        return "", ""
    return _CALL_NUMBER.sub("", entry[1]).replace(".", "/"), entry[2]


def _size(value: Json, *, signed: bool = False) -> Size:
    kind, content = value.entry()
    if kind == "as_int":
        return content.integer() if signed else content.size()
    if kind == "as_expr":
        return readable(content["expr_str"].text())
    raise value.broken(f"is a size of the unknown kind {kind!r}")


def _tensor(value: Json) -> TensorReference:
    return TensorReference(value["name"].text())


def _optional_tensor(value: Json) -> Argument:
    kind, content = value.entry()
    return _tensor(content) if kind == "as_tensor" else None


def _number_or_symbol(value: Json) -> Argument:
    kind, content = value.entry()
    if kind == "as_name":
        return SymbolReference(content.text())
    return _ARGUMENTS[kind](content) if kind in {"as_int", "as_float", "as_bool"} else None


def _each(read: Callable[[Json], Argument]) -> Callable[[Json], Argument]:
    return lambda value: tuple(read(item) for item in value.elements())


def _ignored(_: Json) -> Argument:
    return None


def _scalar_type(value: Json) -> Argument:
    return SCALAR_TYPES.get(value.integer())


_ARGUMENTS: Mapping[str, Callable[[Json], Argument]] = {
    "as_none": _ignored,
    "as_tensor": _tensor,
    "as_tensors": _each(_tensor),
    "as_optional_tensor": _optional_tensor,
    "as_optional_tensors": _each(_optional_tensor),
    "as_nested_tensors": _each(_each(_tensor)),
    "as_int": Json.integer,
    "as_ints": _each(Json.integer),
    "as_int_lists": _each(_each(Json.integer)),
    "as_float": Json.number,
    "as_floats": _each(Json.number),
    "as_float_lists": _each(_each(Json.number)),
    "as_bool": Json.boolean,
    "as_bools": _each(Json.boolean),
    "as_string": Json.text,
    "as_strings": _each(Json.text),
    "as_operator": Json.text,
    "as_sym_int": _number_or_symbol,
    "as_sym_ints": _each(_number_or_symbol),
    "as_sym_float": _number_or_symbol,
    "as_sym_floats": _each(_number_or_symbol),
    "as_sym_bool": _number_or_symbol,
    "as_sym_bools": _each(_number_or_symbol),
    "as_scalar_type": _scalar_type,
    "as_complex": _ignored,
    "as_custom_obj": _ignored,
    "as_device": _ignored,
    "as_layout": _ignored,
    "as_memory_format": _ignored,
}


def _argument(value: Json, depth: int) -> Argument:
    kind, content = value.entry()
    if kind in {"as_graph", "as_string_to_argument"}:
        if depth == 0:
            raise value.broken(f"nests more than {MAX_GRAPH_DEPTH} deep")
        if kind == "as_graph":
            return _graph(content["graph"], depth - 1)
        return tuple(_argument(item, depth - 1) for _, item in content.items())
    if kind not in _ARGUMENTS:
        raise BrokenArtifact(
            f"{kind!r} is a kind of argument that this version does not know",
            hint="pip install --upgrade costdb-torch",
        )
    return _ARGUMENTS[kind](content)
