"""JSON from strangers.

Every access says what it expects; a file that has something else is broken, which is no bug.
"""

import json
from collections.abc import Iterator
from typing import Any

from costdb.plugins import BrokenArtifact

# Sizes beyond this are no sizes; JSON allows integers of any length.
_MAX_INTEGER = 1 << 63


class Json:
    """A value that knows the path that leads to it.

    All methods raise BrokenArtifact, which names the path, where the value is of another kind.
    """

    __slots__ = ("_parent", "_step", "_value")

    def __init__(self, value: Any, step: str, parent: "Json | None" = None) -> None:
        self._value = value
        self._step = step
        self._parent = parent

    @classmethod
    def parse(cls, text: bytes, name: str) -> "Json":
        """Parse a document; `name` is what error messages call it."""
        try:
            return cls(json.loads(text), name)
        except ValueError as error:
            raise BrokenArtifact(
                f"{name} is no JSON: {error}", hint="the file is damaged: export the model again"
            ) from error
        except RecursionError as error:
            raise BrokenArtifact(
                f"{name} nests deeper than any model",
                hint="the file is damaged or made to do harm: export the model again",
            ) from error

    def __getitem__(self, key: str) -> "Json":
        """A value of an object, which must be there."""
        value = self._mapping()
        if key not in value:
            raise self.broken(f"has no {key!r}")
        return Json(value[key], f".{key}", self)

    def get(self, key: str) -> "Json | None":
        """A value of an object; None if it is absent or null."""
        value = self._mapping().get(key)
        return None if value is None else Json(value, f".{key}", self)

    def items(self) -> Iterator[tuple[str, "Json"]]:
        """The entries of an object."""
        for key, value in self._mapping().items():
            yield key, Json(value, f".{key}", self)

    def entry(self) -> tuple[str, "Json"]:
        """The one entry of an object: how a union is written, `{"as_int": 3}`."""
        value = self._mapping()
        if len(value) != 1:
            raise self.broken(f"has {len(value)} entries instead of one")
        return next(self.items())

    def elements(self) -> list["Json"]:
        """The elements of an array."""
        if not isinstance(self._value, list):
            raise self.broken("is no array")
        return [Json(item, f"[{index}]", self) for index, item in enumerate(self._value)]

    def text(self) -> str:
        """A string."""
        if not isinstance(self._value, str):
            raise self.broken("is no text")
        return self._value

    def integer(self) -> int:
        """An integer of at most 64 bits."""
        if not isinstance(self._value, int) or isinstance(self._value, bool):
            raise self.broken("is no integer")
        if not -_MAX_INTEGER <= self._value < _MAX_INTEGER:
            raise self.broken("is an integer of more than 64 bits")
        return self._value

    def size(self) -> int:
        """An integer that is not negative."""
        value = self.integer()
        if value < 0:
            raise self.broken(f"is {value}, a negative size")
        return value

    def boolean(self) -> bool:
        """A truth value."""
        if not isinstance(self._value, bool):
            raise self.broken("is neither true nor false")
        return self._value

    def number(self) -> float:
        """A number, or the text that stands for one which JSON lacks: "Infinity", "NaN"."""
        if isinstance(self._value, bool) or not isinstance(self._value, int | float | str):
            raise self.broken("is no number")
        try:
            return float(self._value)
        except (ValueError, OverflowError) as error:
            raise self.broken("is no number") from error

    def broken(self, what: str) -> BrokenArtifact:
        """The error that says what is wrong with this value."""
        return BrokenArtifact(
            f"{self._path()} {what}", hint="the file is damaged: export the model again"
        )

    def _path(self) -> str:
        # A path is as deep as the JSON parser lets a document nest, which recursion can follow.
        parent = self._parent
        return f"{parent._path()}{self._step}" if parent else self._step  # noqa: SLF001 - its class

    def _mapping(self) -> dict[str, Any]:
        if not isinstance(self._value, dict):
            raise self.broken("is no object")
        return self._value
