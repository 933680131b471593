"""JSON read bit by bit as it arrives, for documents that may be longer than memory."""

import json
import re
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder()
_BEHIND_VALUES = frozenset(",:]} \t\r\n")
_WHITE_SPACE = re.compile(r"[ \t\r\n]*")


class StreamedJson:
    """A document of which the caller walks through the large objects and lists, and takes the rest.

    Every method raises ValueError where what arrives is no JSON, or not what was asked for.
    """

    def __init__(self, pieces: Iterator[str]) -> None:
        """Read nothing yet.

        Args:
            pieces: The text, cut anywhere.
        """
        self._pieces = pieces
        self._text = ""
        self._place = 0

    def value(self) -> Any:
        """The value that comes next, as a whole."""
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
            except ValueError:
                if self._more():
                    continue
                raise
            # A number may go on in the next piece: 1 may become 1.5.
            if self._text[end : end + 1] in _BEHIND_VALUES or not self._more():
                self._place = end
                return value

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next; with each, its value comes next."""
        for _ in self._items("{", "}"):
            key = self.value()
            self._take(":")
            yield str(key)

    def elements(self) -> Iterator[None]:
        """Steps through the list that comes next; with each step, an element comes next."""
        return self._items("[", "]")

    def values(self) -> Iterator[Any]:
        """The values of the list that comes next."""
        return (self.value() for _ in self.elements())

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        self._take(opening)
        if self._peek() != closing:
            yield
            while self._peek() == ",":
                self._take(",")
                yield
        self._take(closing)

    def _take(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f"{self._peek()!r} stands where {character!r} belongs")
        self._place += 1

    def _peek(self) -> str:
        """The character that comes next, white space aside."""
        while True:
            match = _WHITE_SPACE.match(self._text, self._place)
            self._place = match.end() if match else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                raise ValueError("it ends too early")

    def _more(self) -> bool:
        """Whether there was another piece; what was read is let go."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._text, self._place = self._text[self._place :] + piece, 0
        return True
