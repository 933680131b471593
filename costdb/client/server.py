"""What can be asked of a server about versions, in the words of the store."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from costdb.client import answers
from costdb.client.connection import Connection
from costdb.client.streamed_json import StreamedJson
from costdb.cost.result import Analysis
from costdb.errors import NotInDatabase, UsageError
from costdb.store.names import check_model, check_tag
from costdb.store.records import IngestOutcome, Series, StoredVersion, VersionRecord

if TYPE_CHECKING:
    from costdb.reading import Reading
    from costdb.settings import Settings
    from costdb.sides import Side
    from costdb.store.history import Selection

_VERSIONS_AT_ONCE = 1000


class Server:
    """A server that keeps versions.

    Attributes:
        connection: How it is asked.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def push(
        self, analyses: Sequence[Analysis], **about: Any
    ) -> tuple[IngestOutcome, tuple[str, ...]]:
        """Have a version kept.

        Args:
            analyses: What it costs at each operating point.
            about: As `costdb.pushing.push_document`.

        Returns:
            What was written, and what a reader should know besides.
        """
        from costdb.pushing import push_document

        answer = self.connection.post("/versions", push_document(analyses, **about))
        outcome = answers.understood(answers.OutcomeForm, answer)
        return outcome.record(), tuple(outcome.warnings)

    def history_pieces(self, models: Sequence[str], selection: "Selection") -> Iterator[Series]:
        """What versions of models cost, as it arrives; see `costdb.api.history_pieces`."""
        asked: dict[str, Any] = {**selection}
        asked |= {"point": asked.pop("points", ()), "model": list(map(named, models))}
        with self.connection.stream("/history", asked) as document:
            schema = None
            for key in document.members():
                if key == "series":
                    answers.require_schema(schema, "costdb.history/1")
                    for _ in document.elements():
                        yield from _pieces(document)
                elif key == "schema":
                    schema = document.value()
                else:
                    document.value()
            answers.require_schema(schema, "costdb.history/1")

    def history(self, models: Sequence[str], selection: "Selection") -> list[Series]:
        """The same as a whole."""
        pieces = self.history_pieces(models, selection)
        lines = groupby(pieces, key=lambda piece: (piece.model, piece.point, piece.branch))
        return [
            Series(*key, versions=tuple(one for part in parts for one in part.versions))
            for key, parts in lines
        ]

    def version(self, name: str) -> VersionRecord:
        """The version that a name stands for."""
        answer = self.connection.get(_path(name))
        return answers.understood(answers.VersionForm, answer).record()

    def version_cost(self, name: str, point: str) -> StoredVersion:
        """A version at an operating point."""
        from costdb.pushing import CarriedAnalysis, carried_analysis, checked

        # Which version is a model's latest is asked first.
        tagged = name if "@" in name else self.version(name).name
        answer = self.connection.get(f"{_path(tagged)}/analysis", {"point": point})
        found = answers.understood(answers.VersionAnalysisForm, answer)
        carried = checked(CarriedAnalysis, found.carried)
        return StoredVersion(found.version.record(), carried_analysis(carried))

    def side(self, name: str, reading: "Reading", settings: "Settings", *, like: str) -> "Side":
        """What a name stands for: a file here, or a version there; see `costdb.sides.side`."""
        from costdb.sides import file_side, is_file, version_side

        if is_file(name):
            return file_side(name, reading, settings, like=like)
        return version_side(
            name, self.version, lambda version, point: self.version_cost(version.name, point)
        )


def named(name: str) -> str:
    """What was typed for a model or a version. Raises NotInDatabase where none can be called so."""
    model, separator, version = name.partition("@")
    try:
        check_model(model)
        if separator:
            check_tag(version)
    except UsageError:
        raise NotInDatabase(
            f"nothing is called {name!r}", hint="name a MODEL or a MODEL@TAG: costdb history"
        ) from None
    return name


def _pieces(document: StreamedJson) -> Iterator[Series]:
    """The series that comes next, some versions at a time; its versions come last in it."""
    about: dict[str, Any] = {}
    for key in document.members():
        if key != "versions":
            about[key] = document.value()
            continue
        versions = document.values()
        while piece := list(islice(versions, _VERSIONS_AT_ONCE)):
            form = answers.understood(answers.SeriesForm, about | {"versions": piece})
            yield form.record()


def _path(name: str) -> str:
    """Where the API has what `MODEL@TAG`, `MODEL@ALIAS` or `MODEL` stands for."""
    return "/versions/" + "/".join(map(_segment, named(name).split("@")))


def _segment(name: str) -> str:
    """A name as a part of a path."""
    quoted = quote(name, safe="", errors="surrogatepass")
    # What stands for a folder would be resolved on the way.
    return quoted.replace(".", "%2E") if name in {".", ".."} else quoted
