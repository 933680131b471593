"""Reads the pickles of checkpoints without running anything.

A pickle is a program that names functions and calls them. Here only the names that a state dict
needs are known, and each stands for something inert that notes what would have been built: a
tensor becomes its type, sizes and strides. Any other name is refused, and nothing that a pickle
names is ever imported.

The format of the instructions: Lib/pickletools.py of CPython. What PyTorch puts in:
torch/_utils.py, torch/serialization.py.
"""

import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, NoReturn, Protocol, cast

from costdb.plugins import BrokenArtifact, DType, TrustRequired
from costdb_torch.dtypes import STORAGE_NAMES, TORCH_NAMES

# A state dict takes 100 to 300 bytes a tensor.
MAX_PICKLE_BYTES = 32 << 20

# More axes than PyTorch allows; sizes that no file could hold.
_MAX_AXES = 64
_MAX_SIZE = 1 << 62


class SeekableFile(Protocol):
    """What is needed of a file: bytes from a position, and the position."""

    def read(self, size: int = ..., /) -> bytes:
        """So many bytes, fewer at the end."""

    def readline(self) -> bytes:
        """Bytes up to and with a line feed."""

    def tell(self) -> int:
        """The position."""

    def seek(self, offset: int, /) -> int:
        """Move to a position."""


class Storage(NamedTuple):
    """Where the data of tensors lie.

    Attributes:
        key: Its name in the file.
        dtype: Of the elements; None for a type that the IR has no name for.
        elements: How many there are.
    """

    key: Hashable
    dtype: DType | None
    elements: int


def _refuse_state(_built: object, _state: object) -> NoReturn:
    """What a pickle may not do with what was built: give it a state, unchecked."""
    raise pickle.UnpicklingError("it changes what it has built")


# No slots: for a frozen class that has them, dataclasses make a __setstate__ that sets all fields.
@dataclass(frozen=True)
class PickledTensor:
    """A tensor without its data.

    Attributes:
        shape: Its sizes.
        dtype: None for a type that the IR has no name for.
        location: Where its data lie: storage, offset, sizes and strides.
    """

    shape: tuple[int, ...]
    dtype: DType | None
    location: Hashable

    __setstate__ = _refuse_state


@dataclass(frozen=True, slots=True)
class Unpickled:
    """What a pickle builds.

    Attributes:
        value: Containers, texts and numbers; a `PickledTensor` for each tensor, and something
            without meaning for all else that a state dict may hold.
        storages: Where the tensors lie: key -> storage.
    """

    value: Any
    storages: Mapping[Hashable, Storage]


def read_pickle(file: SeekableFile, name: str) -> Unpickled:
    """What a pickle builds, its tensors without data.

    Args:
        file: At the pickle's start; afterwards behind its end.
        name: What error messages call it.

    Raises:
        TrustRequired: It names something that is no part of a state dict.
        BrokenArtifact: It is cut off, or does not follow the format.
    """
    start = file.tell()
    try:
        _refuse_hostile_memos(file, name)
        length = file.tell() - start
        file.seek(start)
        unpickler = _Unpickler(io.BytesIO(file.read(length)), name)
        return Unpickled(unpickler.load(), unpickler.storages)
    except _PICKLE_ERRORS as error:
        raise BrokenArtifact(
            f"{name} holds a broken pickle: {error}",
            hint="the file is truncated or damaged: copy or save it again",
        ) from error


# What a malformed pickle makes `pickle` and the inert stand-ins raise.
_PICKLE_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)

_MEMO_INSTRUCTIONS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


def _refuse_hostile_memos(file: SeekableFile, name: str) -> None:
    """Walk to the pickle's end, and check what unpickling would allocate by its word alone.

    The table of remembered objects grows to the largest number that is named, 34 GB for a pickle
    of ten bytes.
    """
    start = file.tell()
    for instruction, argument, _ in pickletools.genops(cast("BinaryIO", file)):
        length = file.tell() - start
        if length > MAX_PICKLE_BYTES:
            raise BrokenArtifact(
                f"{name} holds a pickle of more than {MAX_PICKLE_BYTES:,} bytes",
                hint="no state dict is that large: save it again",
            )
        if instruction.name in _MEMO_INSTRUCTIONS and (number := int(argument or 0)) > length:
            raise BrokenArtifact(
                f"{name} holds a pickle that remembers object {number:,} after {length:,} bytes",
                hint="the file is damaged: save it again",
            )


class _Unpickler(pickle.Unpickler):
    """Builds containers and inert stand-ins; no name is imported, nothing of the file is called."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(file)
        self._name = name
        self.storages: dict[Hashable, Storage] = {}
        # A pickle may set attributes on the classes that it names: it gets classes of its own.
        inert = type("Inert", (_Inert,), {})
        dictionary = type("Dictionary", (_Dictionary,), {})
        self._known = {
            **{(m, n): _Function(build) for (m, n), build in _BUILDERS.items()},
            **{("torch", dtype): _Constant(value) for dtype, value in TORCH_NAMES.items()},
            **dict.fromkeys(_INERT, inert),
            **dict.fromkeys(_DICTIONARIES, dictionary),
            **_HARMLESS,
        }

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name. Raises TrustRequired for any that is not known."""
        if name in STORAGE_NAMES and module in {"torch", "torch.cuda", "torch.storage"}:
            return _Constant(STORAGE_NAMES[name])
        try:
            return self._known[module, name]
        except KeyError:
            raise TrustRequired(
                f"{self._name} holds a pickle that names {module}.{name}, which is no part of a"
                " state dict: loading it would run code",
                hint='save the weights alone, torch.save(model.state_dict(), "model.pth"), or'
                ' export the model, torch.export.save(program, "model.pt2")',
            ) from None

    def persistent_load(self, pid: Any) -> Storage:
        """The storage behind `("storage", type, key, device, elements, ...)`."""
        kind, storage_type, key, _, elements, *_ = pid
        if kind != "storage" or not isinstance(elements, int) or elements < 0:
            raise ValueError("a persistent object is no storage")
        dtype = storage_type.value if isinstance(storage_type, _Constant) else None
        return self.storages.setdefault(str(key), Storage(str(key), dtype, elements))


class _Constant(NamedTuple):
    """Stands for a type of elements or a class of storages."""

    value: DType | None


class _Function:
    """Stands for a function; nothing can be set on it."""

    __slots__ = ("_build",)
    __setstate__ = _refuse_state

    def __init__(self, build: Callable[..., object]) -> None:
        self._build = build

    def __call__(self, *arguments: object) -> object:
        return self._build(*arguments)


class _Inert:
    """Stands for an object that says nothing of weights: a device, a layout, an array."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        """Take an item and forget it."""

    def extend(self, items: object) -> None:
        """Take items and forget them."""


class _Dictionary(dict[Any, Any]):
    """Stands for a kind of dictionary; arguments such as a default are forgotten."""

    def __init__(self, *_: object) -> None:
        super().__init__()


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> object:
    return _located(storage, offset, size, stride, _type_of(storage))


def _typed_tensor(
    storage: object,
    offset: object,
    size: object,
    stride: object,
    _grad: object,
    _hooks: object,
    dtype: object,
    *_: object,
) -> object:
    """A tensor whose storage has no type: newer types have no storage class."""
    return _located(storage, offset, size, stride, _value(dtype))


def _tensor_without_storage(dtype: object, size: object, *_: object) -> object:
    return PickledTensor(_sizes(size), _value(dtype), location=object())


def _first(value: object, *_: object) -> object:
    """A parameter is its tensor."""
    return value


def _rebuilt(function: object, _type: object, arguments: object, *_: object) -> object:
    """A tensor of a subclass, or with attributes, is the plain tensor that it is made from."""
    if not isinstance(function, _Function) or not isinstance(arguments, tuple):
        raise TypeError("a tensor is rebuilt by something else than a function")
    return function(*arguments)


def _located(
    storage: object, offset: object, size: object, stride: object, dtype: DType | None
) -> PickledTensor:
    if not isinstance(storage, Storage) or not isinstance(offset, int):
        raise TypeError("a tensor lies in something else than a storage")
    shape = _sizes(size)
    strides = tuple(stride) if isinstance(stride, tuple | list) else ()
    return PickledTensor(shape, dtype, (storage.key, offset, shape, strides))


def _sizes(size: object) -> tuple[int, ...]:
    if not isinstance(size, tuple | list) or len(size) > _MAX_AXES:
        raise TypeError("a tensor has no list of sizes")
    if not all(isinstance(item, int) and 0 <= item < _MAX_SIZE for item in size):
        raise ValueError("a tensor has sizes that are none")
    return tuple(size)


def _type_of(storage: object) -> DType | None:
    return storage.dtype if isinstance(storage, Storage) else None


def _value(constant: object) -> DType | None:
    return constant.value if isinstance(constant, _Constant) else None


Name = tuple[str, str]

_BUILDERS: Mapping[Name, Callable[..., object]] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _typed_tensor,
    ("torch._utils", "_rebuild_qtensor"): _tensor,
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): _tensor_without_storage,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch._tensor", "_rebuild_from_type"): _rebuilt,
    ("torch._tensor", "_rebuild_from_type_v2"): _rebuilt,
    ("torch.serialization", "_get_layout"): lambda *_: None,
    ("_codecs", "encode"): lambda *_: None,
    ("numpy.core.multiarray", "scalar"): lambda *_: None,
    ("numpy._core.multiarray", "scalar"): lambda *_: None,
}

_INERT: frozenset[Name] = frozenset(
    {
        ("argparse", "Namespace"),
        ("builtins", "bytearray"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("torch", "Tensor"),
        ("torch", "device"),
        ("torch", "per_channel_affine"),
        ("torch", "per_tensor_affine"),
        ("torch", "strided"),
        ("torch._utils", "_rebuild_sparse_tensor"),
        ("torch.nn.parameter", "Buffer"),
        ("torch.nn.parameter", "Parameter"),
    }
)

_DICTIONARIES: frozenset[Name] = frozenset(
    {("collections", "Counter"), ("collections", "defaultdict")}
)

# Types that cannot be changed and build nothing but themselves.
_HARMLESS: Mapping[Name, object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): tuple,
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (complex, dict, frozenset, int, list, set)
    },
}
