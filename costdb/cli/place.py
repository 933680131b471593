"""Where versions are kept: in a database, or by a server. The one place that picks one of them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Unpack

from costdb.errors import UsageError
from costdb.settings import server_in_environment

if TYPE_CHECKING:
    from costdb.accepting import Accepted
    from costdb.api import Ingested
    from costdb.batch import Result
    from costdb.checking import Checked
    from costdb.comparing import Diff
    from costdb.reading import Reading
    from costdb.replaying import Replayed
    from costdb.store.history import Selection
    from costdb.store.records import Series, StoredVersion
    from costdb.trends.acceptance import Acceptance, AcceptanceState


class Place(Protocol):
    """What `costdb.api` and `costdb.client` both offer; `database` is the place's URL.

    The signatures stand here so that mypy holds both modules to them, and once more in each of the
    two so that `help()` says what a function takes.
    """

    def ingest(
        self,
        artifact: str,
        reading: "Reading | None" = None,
        *,
        tag: str,
        model: str | None = None,
        branch: str = "main",
        git_sha: str | None = None,
        author: str | None = None,
        source: str | None = None,
        hash_file: bool = False,
        replace: bool = False,
        database: str | None = None,
    ) -> "Ingested":
        """See `costdb.api.ingest`."""

    def history(
        self, *models: str, database: str | None = None, **selection: "Unpack[Selection]"
    ) -> "list[Series]":
        """See `costdb.api.history`."""

    def history_pieces(
        self, *models: str, database: str | None = None, **selection: "Unpack[Selection]"
    ) -> "Iterator[Series]":
        """See `costdb.api.history_pieces`."""

    def show(
        self, version: str, *, point: str = "default", database: str | None = None
    ) -> "StoredVersion":
        """See `costdb.api.show`."""

    def diff(
        self,
        old: str,
        new: str,
        reading: "Reading | None" = None,
        *,
        point: str | None = None,
        metrics: Sequence[str] = (),
        database: str | None = None,
    ) -> "Diff":
        """See `costdb.api.diff`."""

    def check(
        self,
        target: str | None = None,
        reading: "Reading | None" = None,
        *,
        all_models: bool = False,
        against: str | None = None,
        model: str | None = None,
        policy: Path | None = None,
        branch: str = "main",
        point: str | None = None,
        save: bool = True,
        database: str | None = None,
    ) -> "Checked":
        """See `costdb.api.check`."""

    def replay(
        self,
        model: str,
        *,
        policy: Path | None = None,
        branch: str = "main",
        point: str | None = None,
        with_acceptances: bool = False,
        database: str | None = None,
    ) -> "Replayed":
        """See `costdb.api.replay`."""

    def accept(
        self,
        version: str,
        *,
        reason: str,
        metrics: Sequence[str] = (),
        scope: str | None = None,
        point: str | None = None,
        author: str | None = None,
        expires_at: datetime | None = None,
        policy: Path | None = None,
        in_file: bool = False,
        database: str | None = None,
    ) -> "Accepted":
        """See `costdb.api.accept`."""

    def accepted(
        self, model: str | None = None, *, database: str | None = None
    ) -> "list[tuple[Acceptance, AcceptanceState]]":
        """See `costdb.api.accepted`."""

    def revoke(self, number: int, *, database: str | None = None) -> "Acceptance":
        """See `costdb.api.revoke`."""


def place(database: str | None, to: str | None) -> "tuple[Place, str | None]":
    """What to ask, and the URL to tell it.

    Args:
        database: What `--db` says.
        to: What `--to` says.

    Raises:
        UsageError: Both are given.
    """
    server = server_asked(database, to)
    if server is None:
        from costdb import api

        return api, database
    from costdb import client

    return client, server


def ingester(
    database: str | None, to: str | None
) -> "tuple[Callable[..., Generator[Result]], str | None]":
    """What ingests many files, and the URL to tell it; see `place`."""
    server = server_asked(database, to)
    if server is None:
        from costdb.batch import ingest_all

        return ingest_all, database
    from costdb.client import ingest_all as push_all

    return push_all, server


def server_asked(database: str | None, to: str | None) -> str | None:
    """The server's URL by `--to`, else by COSTDB_SERVER unless `--db` is given; None for none.

    Raises:
        UsageError: Both flags are given, or `--to` is empty.
    """
    if to is None:
        return None if database is not None else server_in_environment()
    if database is not None:
        raise UsageError("--to names a server, and --db a database", hint="give one of them")
    if not to:
        raise UsageError("--to is empty", hint="write --to https://costs.example or leave it out")
    return to
