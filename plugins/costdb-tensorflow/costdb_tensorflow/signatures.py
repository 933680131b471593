"""Signatures: what a saved graph's inputs and outputs are called, and which of them are costed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from costdb.plugins import Binding, BindingError, BrokenArtifact, InputBinding, nearest
from costdb_tensorflow.nodes import parse_value
from costdb_tensorflow.outputs import EVERY_NODE

DEFAULT = "serving_default"

# TensorFlow's own entries, which name the operation that initialises a model.
_RESERVED_PREFIX = "__saved_model_"


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to use a model.

    Attributes:
        inputs: What the signature calls an input -> the values that are fed, as `node:0`.
        outputs: The same for what it yields.
    """

    inputs: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, tuple[str, ...]]

    @property
    def values(self) -> tuple[str, ...]:
        """Every value that it yields."""
        return tuple(value for values in self.outputs.values() for value in values)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks of a graph.

    Attributes:
        binding: With inputs and outputs named as the graph does.
        notes: What was chosen for the caller.
    """

    binding: Binding
    notes: tuple[str, ...]


class Signatures:
    """The signatures of a MetaGraphDef message.

    Raises:
        BrokenArtifact: One yields what is not in the graph.
    """

    def __init__(self, meta_graph: Any) -> None:
        self._nodes = {node.name for node in meta_graph.graph_def.node}
        self._known = {
            name: Signature(_values(entry.inputs), _values(entry.outputs))
            for name, entry in sorted(meta_graph.signature_def.items())
            if not name.startswith(_RESERVED_PREFIX)
        }
        for name, signature in self._known.items():
            for value in signature.values:
                if parse_value(value).node not in self._nodes:
                    raise BrokenArtifact(
                        f"signature {name!r} yields {value!r}, which is not in the graph",
                        hint="export the model again",
                    )

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in alphabetical order."""
        return tuple(self._known)

    def resolve(self, binding: Binding) -> Asked:
        """What a binding means for the graph.

        An output is the name of a signature, of one of the chosen signature's outputs, or of a
        node. A signature is chosen by its name; else it is `serving_default`, else the only one. A
        graph without signatures is left to its own outputs.

        Raises:
            BindingError: A name is nowhere; or nothing is asked for, and there are several
                signatures to choose from.
        """
        chosen = [name for name in binding.outputs if name in self._known]
        default = self._default() if not chosen else None
        used = [self._known[name] for name in chosen or ([default] if default else [])]
        if not binding.outputs and self._known and not used:
            raise BindingError(
                f"the model has signatures {', '.join(self.names)}, and none is {DEFAULT!r}",
                hint=f"add --output {self.names[0]}",
            )
        outputs = [value for name in binding.outputs for value in self._outputs(name, used)]
        if not binding.outputs:
            outputs = [value for signature in used for value in signature.values]
        inputs = dict(_bound_inputs(binding.inputs, used))
        notes = () if binding.outputs else tuple(self._alternatives(default))
        return Asked(replace(binding, inputs=inputs, outputs=tuple(outputs)), notes)

    def _default(self) -> str | None:
        if DEFAULT in self._known:
            return DEFAULT
        return self.names[0] if len(self.names) == 1 else None

    def _outputs(self, name: str, used: list[Signature]) -> tuple[str, ...]:
        """The values that one name asks for. Raises BindingError for one that is nowhere."""
        if name in self._known:
            return self._known[name].values
        for signature in used:
            if name in signature.outputs:
                return signature.outputs[name]
        if self._known and name != EVERY_NODE and parse_value(name).node not in self._nodes:
            outputs = [output for signature in used for output in signature.outputs]
            raise BindingError(
                f"the model has no signature, output or node {name!r}",
                hint=nearest(name, [*outputs, *self._known], "its outputs and signatures"),
            )
        return (name,)

    def _alternatives(self, default: str | None) -> Iterator[str]:
        """A note that names the signatures that do something else than the one costed."""
        if default is None:
            return
        costed = self._known[default]
        # Keras writes its one endpoint twice, as `serve` and as `serving_default`.
        others = [
            name
            for name, signature in self._known.items()
            if (signature.inputs.keys(), signature.outputs.keys())
            != (costed.inputs.keys(), costed.outputs.keys())
        ]
        if others:
            yield (
                f"signature {default!r} is costed; others are {', '.join(others)}:"
                f" --output {others[0]}"
            )


def _values(entries: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Name -> values, as TensorInfo messages have them."""
    return {name: tuple(_components(entries[name])) for name in sorted(entries)}


def _components(info: Any) -> Iterator[str]:
    """The values that make up what a TensorInfo describes: several for a sparse tensor."""
    kind = info.WhichOneof("value")
    if kind == "name":
        yield info.name
    elif kind == "coo_sparse":
        sparse = info.coo_sparse
        yield from (
            sparse.indices_tensor_name,
            sparse.values_tensor_name,
            sparse.dense_shape_tensor_name,
        )
    else:
        for component in info.composite_tensor.components:
            yield from _components(component)


def _bound_inputs(
    said: Mapping[str, InputBinding], used: list[Signature]
) -> Iterator[tuple[str, InputBinding]]:
    """Bindings of inputs by the graph's names."""
    for name, entry in said.items():
        values = [value for signature in used for value in signature.inputs.get(name, ())]
        for value in values or [name]:
            yield value, entry
