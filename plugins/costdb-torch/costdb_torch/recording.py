"""Records the ATen calls of a run on the meta device, where tensors have shapes and no data."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from costdb.plugins import Role
from costdb_torch.program import (
    Argument,
    Node,
    Program,
    ProgramGraph,
    StoredInput,
    StoredTensor,
    TensorMeta,
    TensorReference,
)
from costdb_torch.torch_runtime import Weight, ir_dtype, stored_tensor


class Recording:
    """Calls as they are made, and the names of the tensors that went in and came out.

    Args:
        torch: The module.
        inputs: Name -> tensor, of what a caller hands in.
        weights: The module's parameters and buffers.

    Attributes:
        stored: The weights, and the constants that the run has met.
    """

    def __init__(
        self,
        torch: Any,
        inputs: Mapping[str, Any],
        weights: Sequence[Weight],
    ) -> None:
        self._torch = torch
        self._tree = importlib.import_module("torch.utils._pytree")
        self._names: dict[int, str] = {}
        # Tensors are known by identity, which only lives as long as they do.
        self._kept: list[Any] = []
        self._metas: dict[str, TensorMeta] = {}
        self._nodes: list[Node] = []
        self._failure: Exception | None = None
        self._inputs = tuple(TensorReference(name) for name in inputs)
        self.stored: list[StoredTensor] = []
        self._filled: dict[str, StoredInput] = {}
        for name, tensor in inputs.items():
            self._name(tensor, name)
        for stored, tensor in weights:
            self._store(stored, tensor)

    def run(self, module: Any, inputs: Mapping[str, Any]) -> Program:
        """Run a module, and return the program that its run was."""
        with self._torch.no_grad(), self._mode():
            try:
                result = module(**inputs)
            except RuntimeError as error:
                # TorchScript says that a call failed, but not why.
                raise self._failure or error from None
        leaves = self._tree.tree_leaves(result)
        outputs = [self._argument(leaf) for leaf in leaves if self._is_tensor(leaf)]
        references = [output for output in outputs if isinstance(output, TensorReference)]
        return Program(
            graph=ProgramGraph(self._inputs, tuple(outputs), tuple(self._nodes), self._metas),
            stored=self._filled,
            user_inputs=self._inputs,
            outputs=tuple(reference.name for reference in references),
        )

    def _mode(self) -> Any:
        base: Any = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode
        recording = self

        class Mode(base):  # type: ignore[misc] # PyTorch need not be there to check types
            def __torch_dispatch__(
                self,
                func: Any,
                types: Any,
                args: tuple[Any, ...] = (),
                kwargs: dict[str, Any] | None = None,
            ) -> Any:
                return recording.call(func, args, kwargs or {})

        return Mode()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a call on the meta device, and record it."""
        if function is self._torch.ops.aten.equal.default and any(map(self._is_meta, args)):
            # TorchScript pools equal constants as it optimises; these have nothing to compare.
            return args[0] is args[1]
        schema = function._schema  # noqa: SLF001 - an operator's schema is nowhere else
        names = [argument.name for argument in schema.arguments]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        arguments = {name: self._argument(value) for name, value in given.items()}
        try:
            result = function(*self._on_meta(args, given), **self._on_meta(kwargs, given))
        except Exception as error:
            self._failure = error
            raise
        results = result if isinstance(result, tuple | list) else (result,)
        op = schema.name.rpartition("::")[2]
        name = f"{op}_{len(self._nodes)}"
        outputs: list[Argument] = []
        for position, value in enumerate(results):
            if self._is_tensor(value):
                outputs.append(self._name(value, f"{name}_{position}" if position else name))
        self._nodes.append(Node(name, f"torch.ops.{function}", arguments, tuple(outputs)))
        return result

    def _on_meta(self, values: Any, given: Mapping[str, Any]) -> Any:
        """Constants that the program makes lie on the CPU: they follow what they meet."""
        if not any(self._is_meta(leaf) for leaf in self._tree.tree_leaves(given)):
            return values
        return self._tree.tree_map(
            lambda leaf: leaf.to("meta") if self._is_tensor(leaf) else leaf, values
        )

    def _is_tensor(self, value: Any) -> bool:
        return isinstance(value, self._torch.Tensor)

    def _is_meta(self, value: Any) -> bool:
        return self._is_tensor(value) and bool(value.is_meta)

    def _argument(self, value: Any) -> Argument:
        if self._is_tensor(value):
            if id(value) not in self._names:
                # Freezing turns weights into constants, beside those that the program spells out.
                key = f"constant_{len(self.stored)}"
                self._store(stored_tensor(key, value, Role.STORED), value)
            return TensorReference(self._names[id(value)])
        if isinstance(value, tuple | list):
            return tuple(self._argument(item) for item in value)
        if value is None or isinstance(value, bool | int | float | str):
            return value
        return ir_dtype(value) if isinstance(value, self._torch.dtype) else None

    def _name(self, tensor: Any, name: str) -> TensorReference:
        """Let a name stand for a tensor as it is now; what is written to is named anew."""
        self._names[id(tensor)] = name
        self._kept.append(tensor)
        self._metas[name] = TensorMeta(tuple(tensor.shape), ir_dtype(tensor.dtype))
        return TensorReference(name)

    def _store(self, stored: StoredTensor, tensor: Any) -> None:
        name = self._names.get(id(tensor)) or self._name(tensor, f"stored {stored.key}").name
        self._filled.setdefault(name, StoredInput(stored.key, stored.role))
        self.stored.append(stored)
