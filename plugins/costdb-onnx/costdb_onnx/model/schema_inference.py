"""Types of one node's outputs by onnx's own inference functions."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest

from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    TypeProto,
    ValueInfoProto,
    checker,
    defs,
    shape_inference,
)

from costdb_onnx.model.facts import UNKNOWN, Fact, is_tensor, shape_of

# Initializers need not be inputs from this version on.
_IR_VERSION = 8

_ERROR_KIND = re.compile(r"\[\w+Error\]\s*(\(op_type:[^)]*\):?\s*)?")


class CannotInfer(Exception):
    """The node does not fit its inputs; the message says why."""


def infer_types(
    node: NodeProto, inputs: Sequence[Fact | None], opsets: Mapping[str, int]
) -> list[TypeProto | None]:
    """The types of a node's outputs, by position; None where nothing is known.

    Args:
        node: Of a domain whose operators onnx knows; others have outputs of unknown type.
        inputs: What is known of its inputs; None for an absent one.
        opsets: Domain -> version.

    Raises:
        CannotInfer: The node does not fit its inputs.
    """
    domain = "" if node.domain == "ai.onnx" else node.domain
    schema = _schema(node.op_type, domain, opsets.get(domain, 0))
    if schema is None:
        return [None] * len(node.output)
    facts = {name: fact or UNKNOWN for name, fact in zip(node.input, inputs, strict=True) if name}
    _check_attributes(node, inputs)
    imports = [OperatorSetIdProto(domain=name, version=version) for name, version in opsets.items()]
    try:
        types = _types(schema, node, facts, imports)
    except CannotInfer:
        raise
    except Exception as error:
        raise CannotInfer(_reason(error)) from error
    return [_checked(types.get(name)) for name in node.output]


def has_inference(op: str, opset: int) -> bool:
    """Whether onnx infers the types of one of its own operators at an opset, or knows it not."""
    schema = _schema(op, "", opset)
    if schema is None or schema.has_type_and_shape_inference_function:
        return True
    return bool(schema.has_function)  # type: ignore[attr-defined] # onnx's stubs miss it


def _checked(inferred: TypeProto | None) -> TypeProto | None:
    """A type that says something. Raises CannotInfer where a size is negative."""
    if inferred is None or inferred.WhichOneof("value") is None:
        return None
    for dimension in inferred.tensor_type.shape.dim:
        if dimension.dim_value < 0:
            raise CannotInfer(f"its output would have a size of {dimension.dim_value}")
    return inferred


def _types(
    schema: defs.OpSchema,
    node: NodeProto,
    facts: Mapping[str, Fact],
    imports: list[OperatorSetIdProto],
) -> Mapping[str, TypeProto]:
    if schema.has_type_and_shape_inference_function:
        try:
            return _by_function(schema, node, facts, imports)
        except checker.ValidationError:
            # The schema is stricter than exporters are: an attribute too many, a type too new.
            pass
    return _by_model(_conforming(schema, node), facts, imports)


def _by_function(
    schema: defs.OpSchema,
    node: NodeProto,
    facts: Mapping[str, Fact],
    imports: list[OperatorSetIdProto],
) -> Mapping[str, TypeProto]:
    """The types by the schema's inference function."""
    return shape_inference.infer_node_outputs(
        schema,
        node,
        {name: fact.type or TypeProto() for name, fact in facts.items()},
        {name: fact.constant for name, fact in facts.items() if fact.constant is not None},
        opset_imports=imports,
    )


def _by_model(
    node: NodeProto, facts: Mapping[str, Fact], imports: list[OperatorSetIdProto]
) -> Mapping[str, TypeProto]:
    """The types by a model of this one node, which sees through operators made of others."""
    graph = GraphProto(name="node", node=[node])
    for name, fact in facts.items():
        if fact.constant is None:
            graph.input.append(ValueInfoProto(name=name, type=fact.type))
        else:
            initializer = graph.initializer.add()
            initializer.CopyFrom(fact.constant)
            initializer.name = name
    graph.output.extend(ValueInfoProto(name=name) for name in node.output if name)
    model = ModelProto(ir_version=_IR_VERSION, graph=graph, opset_import=imports)
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return {value.name: value.type for value in inferred.graph.output}


def _check_attributes(node: NodeProto, inputs: Sequence[Fact | None]) -> None:
    """Refuse numbers that onnx takes without a look: it may read beyond a shape, or go on and on.

    Raises:
        CannotInfer: The first input has no such axis, or the outputs are not as many as are asked.
    """
    data = inputs[0].type if inputs and inputs[0] else None
    shape = shape_of(data) if data is not None and is_tensor(data) else None
    for item in node.attribute:
        if item.name == "axis" and shape is not None:
            # OneHot and ConcatFromSequence count one axis more than their input has.
            if not -len(shape) - 1 <= item.i <= len(shape):
                raise CannotInfer(f"its input has {len(shape)} axes and none is {item.i}")
        elif item.name == "batch_dims" and shape is not None:
            if not 0 <= item.i <= len(shape):
                raise CannotInfer(f"{item.i} of its {len(shape)} axes cannot be a batch")
        elif item.name == "num_outputs" and item.i != len(node.output):
            raise CannotInfer(f"it splits into {item.i} and has {len(node.output)} outputs")


def _conforming(schema: defs.OpSchema, node: NodeProto) -> NodeProto:
    """The node without attributes that its schema does not know.

    onnx looks for what an operator must have only in `infer_node_outputs`; without it, a missing
    input or an attribute of another type may crash it.

    Raises:
        CannotInfer: An input or attribute that the operator must have is missing or of another
            kind.
    """
    single = defs.OpSchema.FormalParameterOption.Single
    for formal, given in zip_longest(schema.inputs, node.input):
        if formal is not None and formal.option == single and not given:
            raise CannotInfer(f"it has no input {formal.name!r}")
    if len(node.input) > schema.max_input or len(node.output) > schema.max_output:
        raise CannotInfer("it has too many inputs or outputs")
    conforming = NodeProto()
    conforming.CopyFrom(node)
    del conforming.attribute[:]
    conforming.attribute.extend(
        item for item in node.attribute if _is_of_schema(item, schema.attributes)
    )
    present = {item.name for item in conforming.attribute}
    for name, attribute in schema.attributes.items():
        if attribute.required and name not in present:
            raise CannotInfer(f"it has no attribute {name!r}")
    return conforming


def _is_of_schema(item: AttributeProto, attributes: Mapping[str, defs.OpSchema.Attribute]) -> bool:
    if item.name not in attributes:
        return False
    wanted: int = attributes[item.name].type.value  # type: ignore[attr-defined] # it is an enum
    return item.type == wanted


@lru_cache(maxsize=1024)
def _schema(op: str, domain: str, version: int) -> defs.OpSchema | None:
    """The schema of an operator at an opset; the newest one where that opset has none.

    ONNX Runtime lets a model use some operators before the opset that brought them.
    """
    for candidate in (version, defs.onnx_opset_version() if not domain else 0):
        try:
            schema = (
                defs.get_schema(op, candidate, domain) if candidate else defs.get_schema(op, domain)
            )
            if schema.deprecated:
                # Its last version that still says what it does.
                schema = defs.get_schema(op, schema.since_version - 1, domain)
        except defs.SchemaError:
            continue
        return schema
    return None


def _reason(error: Exception) -> str:
    """The first line of onnx's message, without the names that it puts before it."""
    lines = str(error).strip().splitlines() or [""]
    reason = _ERROR_KIND.sub("", lines[0]).strip().rstrip(".") or type(error).__name__
    # It may quote names of the file.
    return "".join(character if character.isprintable() else "?" for character in reason)
