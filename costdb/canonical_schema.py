"""The form of `costdb.canonical`'s JSON, checked where it comes from outside.

Import it where such JSON is read: pydantic is not on the path of the other commands.
"""

import math
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, InstanceOf

from costdb.ir import DType, Role

# Any text that Python holds: a byte of a name that is no text arrives as half of a surrogate pair,
# which pydantic's `str` refuses.
Text = InstanceOf[str]

# A word of costdb's own or of a plugin's, which a database can hold as it is.
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]

# What a signed 64-bit column of a database holds.
Number = Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)]

_Item = TypeVar("_Item")

# A list whose first mistake is its only one: a list of a body that is nothing but mistakes would
# take a hundred times its size to tell of all.
Items = Annotated[list[_Item], Field(fail_fast=True)]

_LARGEST_ATTRIBUTE = 2**64 - 1
_DTYPES = frozenset(dtype.value for dtype in DType)
_ROLES = frozenset(role.value for role in Role)


def _dtype(value: str) -> str:
    if value not in _DTYPES:
        raise ValueError(f"there is no dtype {value[:100]!r}")
    return value


def _tensor(entry: list[Any]) -> list[Any]:
    """Shape, dtype, role and, where the shape is an upper bound, True."""
    if len(entry) not in {3, 4} or entry[3:] not in ([], [True]):
        raise ValueError("a tensor is a list of its shape, dtype and role")
    shape, dtype, role = entry[:3]
    if shape is not None and not (isinstance(shape, list) and all(map(_is_size, shape))):
        raise ValueError("a shape is a list of sizes of at most 2^63-1")
    if dtype is not None:
        _dtype(_text(dtype))
    if _text(role) not in _ROLES:
        raise ValueError(f"there is no role {role[:100]!r}")
    return entry


def _is_size(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= _LARGEST_ATTRIBUTE >> 1)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} stands where text belongs")  # noqa: TRY004 - what pydantic takes from a validator
    return value


def _attribute(value: Any) -> Any:
    """A number, text, or a list of them; infinities and NaN as {"float": "inf"}."""
    if isinstance(value, list):
        for item in value:
            _attribute(item)
    elif isinstance(value, dict):
        if value not in ({"float": "inf"}, {"float": "-inf"}, {"float": "nan"}):
            raise ValueError("an object can only stand for a number that JSON has not")
    elif isinstance(value, int):
        if not -(2**63) <= value <= _LARGEST_ATTRIBUTE:
            raise ValueError("an integer is of at most 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is too large")
    else:
        _text(value)
    return value


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LayerForm(_Form):
    """A layer; tensors are numbers."""

    op: Text
    inputs: Items[Number | None]
    outputs: Items[Number]
    attributes: dict[Text, Annotated[Any, AfterValidator(_attribute)]] = {}
    bodies: Items[tuple[Number | None, "StructureForm"]] = []
    captures: Items[Number] = []
    domain: Text = ""
    dtype: Annotated[Text, AfterValidator(_dtype)] = "float32"
    source_module: Text = ""
    source_op: Text = ""


class StructureForm(_Form):
    """What `costdb.canonical.structure_json` writes of a graph."""

    format: Word
    framework: Word
    inputs: Items[Number]
    layers: Items[LayerForm]
    outputs: Items[Number]
    tensors: Items[Annotated[list[Any], AfterValidator(_tensor)]]
    unread: Items[Number]


class NamesForm(_Form):
    """What `costdb.canonical.names_json` writes of a graph."""

    bodies: Items["NamesForm"]
    layers: Items[Text]
    scopes: Items[Text]
    tensors: Items[Text]
