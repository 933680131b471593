"""A graph as canonical JSON, and its digests.

Frameworks renumber names from run to run (Keras calls a second ResNet `resnet50_1`), so what a
model costs is kept apart from what its parts are called:

- the **structure** numbers tensors and layers in order and knows no names or scopes;
- the **names** list them in the same order.

Each has a digest; two versions with one structure digest cost the same.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from costdb.errors import BrokenArtifact
from costdb.ir import Body, DType, Graph, Layer, Role, Shape, Tensor

# Raised when the JSON below changes its form, so that digests of two forms never meet.
IR_VERSION = 1

Json = dict[str, Any]

# A tenth of the time that calling an enumeration takes.
_DTYPES = {dtype.value: dtype for dtype in DType}
_ROLES = {role.value: role for role in Role}


def structure_json(graph: Graph) -> bytes:
    """The graph without names and notes: UTF-8 JSON, keys sorted, no white space."""
    return _dump(_structure(graph, ()))


def names_json(graph: Graph) -> bytes:
    """The names that `structure_json` leaves out, in its order."""
    return _dump(_names(graph, ()))


def canonical_json(document: Json) -> bytes:
    """An object as `structure_json` and `names_json` write theirs: what their digests are of.

    Raises:
        ValueError: It holds a number that JSON has not.
    """
    return _dump(document)


def structure_digest(structure: bytes) -> str:
    """The structure's digest: the IR version, then the SHA-256 of its JSON."""
    return f"ir{IR_VERSION}:{hashlib.sha256(structure).hexdigest()}"


def names_digest(names: bytes) -> str:
    """The names' digest: the SHA-256 of their JSON."""
    return hashlib.sha256(names).hexdigest()


def graph_from_json(structure: bytes, names: bytes) -> Graph:
    """The graph that `structure_json` and `names_json` were made from, without its notes.

    Raises:
        BrokenArtifact: They were not made so, or not from one graph.
    """
    try:
        return _restore(json.loads(structure), json.loads(names), ())
    # RuntimeError: nested too deep, or names of too few bodies.
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise BrokenArtifact(
            f"a stored graph is damaged: {type(error).__name__}: {error}",
            hint="costdb db doctor says which; ingest that version again",
        ) from error


# Iterators stand for lists.
_ENCODER = json.JSONEncoder(
    separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False, default=list
)


def _dump(document: Json) -> bytes:
    """An object as JSON; its iterators item by item, so that a large graph is there only once."""
    # Names come from files: a byte that is no text arrives as a lone surrogate, which UTF-8 cannot
    # hold. "backslashreplace" writes it as \udc80, which is how JSON spells it too.
    members = (
        f"{_ENCODER.encode(key)}:{_encoded(value)}".encode("utf-8", "backslashreplace")
        for key, value in sorted(document.items())
    )
    return b"{" + b",".join(members) + b"}"


def _encoded(value: Any) -> str:
    if isinstance(value, Iterator):
        return f"[{','.join(map(_ENCODER.encode, value))}]"
    return _ENCODER.encode(value)


def _own_tensors(graph: Graph, captures: Iterable[Tensor]) -> list[Tensor]:
    """The tensors of a graph that it does not take from the graph around it."""
    taken = {tensor.name for tensor in captures}
    return [tensor for tensor in graph.tensors() if tensor.name not in taken]


def _structure(graph: Graph, captures: Sequence[Tensor]) -> Json:
    """A graph in which tensors are numbers: captures first, then its own by first mention."""
    own = _own_tensors(graph, captures)
    numbers = {tensor.name: number for number, tensor in enumerate((*captures, *own))}
    return {
        "format": graph.file_format,
        "framework": graph.framework,
        "inputs": [numbers[tensor.name] for tensor in graph.inputs],
        "layers": (_layer(layer, numbers) for layer in graph.layers),
        "outputs": [numbers[tensor.name] for tensor in graph.outputs],
        "tensors": map(_tensor, own),
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
        "attributes": {name: _plain(value) for name, value in layer.attributes.items()},
        "bodies": [
            [body.trip_count, _structure(body.graph, layer.captures)] for body in layer.bodies
        ],
        "captures": [numbers[tensor.name] for tensor in layer.captures],
        "domain": layer.domain,
        "dtype": layer.compute_dtype and layer.compute_dtype.value,
        "source_module": layer.source_module,
        "source_op": layer.source_op,
    }
    return entry | {key: value for key, value in optional.items() if value}


def _plain(value: Any) -> Any:
    """An attribute as JSON, which has no infinities and no NaN: {"float": "inf"}."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _names(graph: Graph, captures: Sequence[Tensor]) -> Json:
    return {
        "bodies": [
            _names(body.graph, layer.captures) for layer in graph.layers for body in layer.bodies
        ],
        "layers": [layer.name for layer in graph.layers],
        "scopes": [layer.scope for layer in graph.layers],
        "tensors": [tensor.name for tensor in _own_tensors(graph, captures)],
    }


def _restore(structure: Json, names: Json, captures: Sequence[Tensor]) -> Graph:
    own = (
        Tensor(name, _shape(sizes), dtype and _DTYPES[dtype], _ROLES[role], bool(bound))
        for name, (sizes, dtype, role, *bound) in zip(
            _taken(names["tensors"]), _taken(structure["tensors"]), strict=True
        )
    )
    # A dictionary, because a list would take a negative number.
    tensors = dict(enumerate((*captures, *own)))
    bodies = iter(names["bodies"])
    return Graph(
        layers=tuple(
            _restore_layer(entry, name, scope, tensors, bodies)
            for entry, name, scope in zip(
                _taken(structure["layers"]),
                _taken(names["layers"]),
                _taken(names["scopes"]),
                strict=True,
            )
        ),
        inputs=tuple(tensors[number] for number in structure["inputs"]),
        outputs=tuple(tensors[number] for number in structure["outputs"]),
        unread=tuple(tensors[number] for number in structure["unread"]),
        file_format=structure["format"],
        framework=structure["framework"],
    )


def _taken(items: list[Any]) -> Iterator[Any]:
    """The items of a list, which lets go of each: a large graph is not there twice."""
    items.reverse()
    while items:
        yield items.pop()


def _restore_layer(
    entry: Json, name: str, scope: str, tensors: Mapping[int, Tensor], bodies: Iterator[Json]
) -> Layer:
    """A layer; it takes the names of as many bodies as it has."""
    captures = tuple(tensors[number] for number in entry.get("captures", ()))
    return Layer(
        name=name,
        op=entry["op"],
        inputs=tuple(None if number is None else tensors[number] for number in entry["inputs"]),
        outputs=tuple(tensors[number] for number in entry["outputs"]),
        domain=entry.get("domain", ""),
        scope=scope,
        attributes={key: _attribute(value) for key, value in entry.get("attributes", {}).items()},
        compute_dtype=_DTYPES[entry["dtype"]] if "dtype" in entry else None,
        source_op=entry.get("source_op", ""),
        source_module=entry.get("source_module", ""),
        bodies=tuple(
            Body(_restore(body, next(bodies), captures), trip_count)
            for trip_count, body in entry.get("bodies", ())
        ),
        captures=captures,
    )


def _shape(sizes: Any) -> Shape | None:
    if sizes is None:
        return None
    for size in sizes:
        if size is not None and not (isinstance(size, int) and size >= 0):
            raise ValueError(f"{sizes} is no shape")
    return tuple(sizes)


def _attribute(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_attribute, value))
    return float(value["float"]) if isinstance(value, dict) else value
