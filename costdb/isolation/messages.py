"""What a parent process and the child that reads for it write to each other.

Both sides write one line of JSON; behind the child's follow the canonical JSON texts whose lengths
it gives. The child has read a stranger's file, so what it answers is data and cannot be code.
"""

import builtins
import gc
import json
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from costdb import canonical, errors
from costdb.errors import CostdbError
from costdb.isolation.content import CanonicalGraph, Content
from costdb.limits import Limits
from costdb.reading import Reading
from costdb.settings import OperatingPoint


@dataclass(frozen=True, slots=True)
class Writing:
    """What a child may write.

    Attributes:
        path: An empty file.
        most_bytes: How large it may become.
    """

    path: str
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Request:
    """What the child is to read.

    Attributes:
        artifact: Path or URL.
        reading: How to read it, without plugins.
        points: The points of `costdb.toml`.
        limits: What it may take.
        module_path: Where the parent looks for modules, `sys.path`.
        freezing: The file to freeze the artifact into, instead of answering what it holds.
    """

    artifact: str
    reading: Reading
    points: Mapping[str, OperatingPoint]
    limits: Limits
    module_path: tuple[str, ...]
    freezing: Writing | None = None

    def encode(self) -> bytes:
        """The request as one line."""
        reading = {key: value for key, value in asdict(self.reading).items() if key != "plugins"}
        document = {
            "artifact": self.artifact,
            "reading": reading,
            "points": {name: asdict(point) for name, point in self.points.items()},
            "limits": asdict(self.limits),
            "module_path": self.module_path,
            "freezing": None if self.freezing is None else asdict(self.freezing),
        }
        return json.dumps(document).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """The request that `encode` wrote."""
        document = json.loads(line)
        return cls(
            document["artifact"],
            Reading(**document["reading"]),
            {name: OperatingPoint(**point) for name, point in document["points"].items()},
            Limits(**document["limits"]),
            tuple(document["module_path"]),
            Writing(**document["freezing"]) if document["freezing"] else None,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the child read.

    Attributes:
        content: What the artifact holds.
        plugin_problems: One line for each plugin that was left out.
        rule_plugins: The plugins that have counting rules.
    """

    content: Content
    plugin_problems: tuple[str, ...]
    rule_plugins: tuple[str, ...]


class IncompleteAnswer(Exception):
    """The child ended before it had written its whole answer."""


def encode_answer(answer: Answer) -> Iterator[bytes]:
    """An answer in pieces, to be written one after the other."""
    content = answer.content
    header = {
        "location": content.location,
        "size": content.size,
        "loader": content.loader,
        "loader_revision": content.loader_revision,
        "plugin_problems": answer.plugin_problems,
        "rule_plugins": answer.rule_plugins,
        "graphs": {
            point: [len(found.structure), len(found.names), found.graph.notes]
            for point, found in content.graphs.items()
        },
    }
    yield json.dumps(header).encode() + b"\n"
    for found in content.graphs.values():
        yield found.structure
        yield found.names


def encode_error(error: Exception) -> bytes:
    """An error as the answer: one that a user can cause, or a bug."""
    header = {
        "kinds": [kind.__name__ for kind in type(error).__mro__],
        "message": str(error),
        "hint": error.hint if isinstance(error, CostdbError) else "",
        "traceback": "".join(traceback.format_exception(error)),
    }
    return json.dumps(header).encode() + b"\n"


def decode_answer(data: bytes) -> Answer:
    """The answer out of what the child wrote.

    Raises:
        IncompleteAnswer: It is cut off, or no answer at all.
        CostdbError: The child's error, of the same class.
        Exception: The bug that the child met.
    """
    end = data.find(b"\n") + 1
    try:
        header = json.loads(data[:end])
        if "kinds" not in header:
            return _answer(header, memoryview(data)[end:])
        error = _error(header)
    except (LookupError, TypeError, ValueError) as problem:
        raise IncompleteAnswer from problem
    raise error


def _answer(header: Mapping[str, Any], texts: memoryview) -> Answer:
    graphs: dict[str, CanonicalGraph] = {}
    for point, (structure_bytes, names_bytes, notes) in header["graphs"].items():
        structure, rest = texts[:structure_bytes], texts[structure_bytes:]
        names, texts = rest[:names_bytes], rest[names_bytes:]
        if len(names) != names_bytes:
            raise IncompleteAnswer
        graphs[point] = _graph(bytes(structure), bytes(names), tuple(notes))
    content = Content(
        header["location"], header["size"], header["loader"], header["loader_revision"], graphs
    )
    return Answer(content, tuple(header["plugin_problems"]), tuple(header["rule_plugins"]))


def _graph(structure: bytes, names: bytes, notes: tuple[str, ...]) -> CanonicalGraph:
    with _no_collections():
        graph = canonical.graph_from_json(structure, names)
    return CanonicalGraph(replace(graph, notes=notes), structure, names)


@contextmanager
def _no_collections() -> Iterator[None]:
    """A graph holds no cycles: the collector would only walk over it again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _ChildTraceback(Exception):
    """Where in the child an error arose; shown below it with `--debug`."""


def _error(header: Mapping[str, Any]) -> Exception:
    """The child's error; a plugin's own kind becomes the nearest one of the core."""
    kinds, message = header["kinds"], header["message"]
    cause = _ChildTraceback(f"\n\n{header['traceback']}")
    for name in kinds:
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, CostdbError):
            error: Exception = kind(message, hint=header["hint"])
            break
    else:
        error = _bug(kinds[0], message)
    error.__cause__ = cause
    return error


def _bug(name: str, message: str) -> Exception:
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(message)
        except TypeError:  # UnicodeDecodeError, say, takes more than a message
            pass
    return RuntimeError(f"{name}: {message}")
