"""A graph as canonical JSON, and its digests.

Frameworks renumber names from run to run (Keras calls a second ResNet `resnet50_1`), so what a
model costs is kept apart from what its parts are called:

- the **structure** numbers tensors and layers in order and knows no names or scopes;
- the **names** list them in the same order.

Each has a digest; two versions with one structure digest cost the same.
"""

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from costdb.ir import AttributeValue, Body, DType, Graph, Layer, Role, Tensor

# Raised when the JSON below changes its form, so that digests of two forms never meet.
IR_VERSION = 1

Json = dict[str, Any]


def structure_json(graph: Graph) -> bytes:
    """The graph without names: UTF-8 JSON, keys sorted, no white space."""
    return _dump(_structure(graph, {}))


def names_json(graph: Graph) -> bytes:
    """The names that `structure_json` leaves out, in its order."""
    return _dump(_names(graph, frozenset()))


def structure_digest(structure: bytes) -> str:
    """The structure's digest: the IR version, then the SHA-256 of its JSON."""
    return f"ir{IR_VERSION}:{hashlib.sha256(structure).hexdigest()}"


def names_digest(names: bytes) -> str:
    """The names' digest: the SHA-256 of their JSON."""
    return hashlib.sha256(names).hexdigest()


def graph_from_json(structure: bytes, names: bytes) -> Graph:
    """The graph that `structure_json` and `names_json` were made from, without its notes."""
    return _restore(json.loads(structure), json.loads(names), {})


def _dump(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def _structure(graph: Graph, outer: Mapping[str, int]) -> Json:
    """Number tensors in the order of their first mention, on from those of the graph around."""
    numbers = dict(outer)
    tensors = []
    for tensor in graph.tensors():
        if tensor.name not in numbers:
            numbers[tensor.name] = len(numbers)
            tensors.append(_tensor(tensor))
    return {
        "format": graph.file_format,
        "framework": graph.framework,
        "inputs": [numbers[tensor.name] for tensor in graph.inputs],
        "layers": [_layer(layer, numbers) for layer in graph.layers],
        "outputs": [numbers[tensor.name] for tensor in graph.outputs],
        "tensors": tensors,
        "unread": [numbers[tensor.name] for tensor in graph.unread],
    }


def _tensor(tensor: Tensor) -> list[Any]:
    entry: list[Any] = [
        None if tensor.shape is None else list(tensor.shape),
        tensor.dtype and tensor.dtype.value,
        tensor.role.value,
    ]
    return [*entry, True] if tensor.is_upper_bound else entry


def _layer(layer: Layer, numbers: Mapping[str, int]) -> Json:
    entry: Json = {
        "op": layer.op,
        "inputs": [tensor and numbers[tensor.name] for tensor in layer.inputs],
        "outputs": [numbers[tensor.name] for tensor in layer.outputs],
    }
    optional: Json = {
        "attributes": dict(layer.attributes),
        "bodies": [[body.trip_count, _structure(body.graph, numbers)] for body in layer.bodies],
        "captures": [numbers[tensor.name] for tensor in layer.captures],
        "domain": layer.domain,
        "dtype": layer.compute_dtype and layer.compute_dtype.value,
        "source_module": layer.source_module,
        "source_op": layer.source_op,
    }
    return entry | {key: value for key, value in optional.items() if value}


def _names(graph: Graph, outer: AbstractSet[str]) -> Json:
    tensors = [tensor.name for tensor in graph.tensors() if tensor.name not in outer]
    known = outer | set(tensors)
    return {
        "bodies": [_names(body.graph, known) for layer in graph.layers for body in layer.bodies],
        "layers": [layer.name for layer in graph.layers],
        "scopes": [layer.scope for layer in graph.layers],
        "tensors": tensors,
    }


def _restore(structure: Json, names: Json, outer: Mapping[int, Tensor]) -> Graph:
    tensors = dict(outer)
    for name, (shape, dtype, role, *bound) in zip(
        names["tensors"], structure["tensors"], strict=True
    ):
        tensors[len(tensors)] = Tensor(
            name,
            None if shape is None else tuple(shape),
            dtype and DType(dtype),
            Role(role),
            is_upper_bound=bool(bound),
        )
    bodies = iter(names["bodies"])
    layers = []
    for entry, name, scope in zip(
        structure["layers"], names["layers"], names["scopes"], strict=True
    ):
        layers.append(
            Layer(
                name=name,
                op=entry["op"],
                inputs=tuple(
                    None if number is None else tensors[number] for number in entry["inputs"]
                ),
                outputs=tuple(tensors[number] for number in entry["outputs"]),
                domain=entry.get("domain", ""),
                scope=scope,
                attributes={
                    key: _attribute(value) for key, value in entry.get("attributes", {}).items()
                },
                compute_dtype=DType(entry["dtype"]) if "dtype" in entry else None,
                source_op=entry.get("source_op", ""),
                source_module=entry.get("source_module", ""),
                bodies=tuple(
                    Body(_restore(body, next(bodies), tensors), trip_count)
                    for trip_count, body in entry.get("bodies", ())
                ),
                captures=tuple(tensors[number] for number in entry.get("captures", ())),
            )
        )
    return Graph(
        layers=tuple(layers),
        inputs=tuple(tensors[number] for number in structure["inputs"]),
        outputs=tuple(tensors[number] for number in structure["outputs"]),
        unread=tuple(tensors[number] for number in structure["unread"]),
        file_format=structure["format"],
        framework=structure["framework"],
    )


def _attribute(value: Any) -> AttributeValue:
    return tuple(value) if isinstance(value, list) else value
