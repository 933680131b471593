"""TOML files that people write: all that is wrong in one is said at once, each with its line."""

import json
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from costdb.binding import nearest
from costdb.errors import ConfigurationError
from costdb.toml_lines import KeyPath, key_lines


class TomlFile:
    """A file, what it holds, and the mistakes that were found in it so far.

    Attributes:
        name: What the file is called.
        values: What it holds.
    """

    def __init__(self, name: str | Path, text: str) -> None:
        """Read a file's text.

        Args:
            name: What the file is called, for messages.
            text: What it holds.

        Raises:
            ConfigurationError: It is no TOML.
        """
        self.name = name
        self._mistakes: list[tuple[int, ConfigurationError]] = []
        self._text = text
        self._lines: dict[KeyPath, int] | None = None
        try:
            self.values = tomllib.loads(text)
        # Lists in lists, some thousand deep.
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(
                f"{name} is not valid TOML: {error}", hint="see https://toml.io"
            ) from error

    @classmethod
    def read(cls, file: Path, what: str) -> "TomlFile":
        """Read a file.

        Args:
            file: The file.
            what: What it is to be, for messages: "policy".

        Raises:
            ConfigurationError: It cannot be read, or is no TOML.
        """
        try:
            # TOML ends lines as Windows does, too.
            text = file.read_bytes().decode("utf-8").replace("\r\n", "\n")
        except OSError as error:
            raise ConfigurationError(
                f"the {what} {str(file)!r} cannot be read: {error.strerror}", hint="check the path"
            ) from error
        except ValueError as error:
            raise ConfigurationError(
                f"{file} is not valid TOML: {error}", hint="write it in UTF-8"
            ) from error
        return cls(file, text)

    def mistake(self, path: KeyPath, problem: str, hint: str) -> None:
        """Note what is wrong at a key, or at the table around it if it is not there."""
        line = self.line(path)
        error = ConfigurationError(f"{self.name}:{line}: {problem}", hint=hint)
        self._mistakes.append((line, error))

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the table around it."""
        if self._lines is None:
            self._lines = key_lines(self._text)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def tables(self, *path: str) -> list["TomlTable"]:
        """The tables of an array of tables; none, if it is not there or is something else."""
        value: Any = self.values
        for key in path:
            value = value.get(key, []) if isinstance(value, dict) else []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            dotted = ".".join(path)
            self.mistake(path, f"{dotted} is no array of tables", f"write [[{dotted}]] tables")
            return []
        return [TomlTable(self, (*path, place), entry) for place, entry in enumerate(value)]

    def check_keys(self, known: Collection[str], path: KeyPath = ()) -> None:
        """Note each key of a table that is not known."""
        value: Any = self.values
        for key in path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        for key in value if isinstance(value, dict) else ():
            if key not in known:
                self.mistake((*path, key), f"{key!r} is no key here", nearest(key, known, "keys"))

    def check(self) -> None:
        """Raise what was found to be wrong, in the order of the lines, if anything was.

        Raises:
            ConfigurationError: The first mistake; the others are its `others`.
        """
        if self._mistakes:
            ordered = sorted(self._mistakes, key=lambda mistake: mistake[0])
            first, *others = (error for _, error in ordered)
            first.others = tuple(others)
            raise first


class TomlTable:
    """A table of a file. What is wrong in it is noted there, and a default stands for it.

    Attributes:
        is_wrong: Whether anything was noted.
    """

    def __init__(self, file: TomlFile, path: KeyPath, values: Mapping[str, Any]) -> None:
        self.file = file
        self.path = path
        self.values = values
        self.is_wrong = False

    @property
    def line(self) -> int:
        """The line that it begins on."""
        return self.file.line(self.path)

    def mistake(self, key: str, problem: str, hint: str) -> None:
        """Note what is wrong at a key; at the table, if it has no such key."""
        self.is_wrong = True
        self.file.mistake((*self.path, key), problem, hint)

    def check_keys(self, known: Collection[str], what: str) -> None:
        """Note each key that is not known."""
        for key in self.values:
            if key not in known:
                self.mistake(key, f"{key!r} is no key of {what}", nearest(key, known, "keys"))

    def text(self, key: str, default: str) -> str:
        """The text at a key."""
        value = self.values.get(key, default)
        if isinstance(value, str) and value:
            return value
        self.mistake(key, f"{key} = {written(value)} is no text", f'write {key} = "..."')
        return default

    def required_text(self, key: str, example: str) -> str:
        """The text at a key that has to be there; empty if it is not."""
        if key in self.values:
            return self.text(key, "")
        self.mistake(key, f"it has no {key}", f'write {key} = "{example}"')
        return ""

    def choice(self, key: str, known: Collection[str], default: str) -> str:
        """One of several words."""
        value = self.text(key, default)
        if value in known or value == default:
            return value
        self.mistake(key, f"{key} = {written(value)} is not known", nearest(value, known, "known"))
        return default


def written(value: object) -> str:
    """A value as TOML writes it, at least nearly."""
    return json.dumps(value, default=str, ensure_ascii=False)
