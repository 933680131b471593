"""What `costdb.api` offers, with a server in the place of a database: `costdb ... --to URL`.

    from costdb import client

    client.history("detector", database="https://costs.example")

Where a function of `costdb.api` takes the URL of a database, the one of the same name here takes
that of a server. Files are read where the client runs, and only what they cost is sent. The token
comes from COSTDB_TOKEN, else from the keyring. Needs the extra `client`.

What the functions raise besides: ServerUnavailable where the server cannot be reached, fails, or is
none; AccessDenied where it wants a token, or one that allows more.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from costdb import api
from costdb.client import answers, secret
from costdb.client.address import server_url
from costdb.client.connection import Connection
from costdb.client.server import Server, named
from costdb.errors import UsageError
from costdb.points import DEFAULT
from costdb.reading import Reading, under_settings
from costdb.settings import Settings, load_settings
from costdb.store.records import Series, StoredVersion

if TYPE_CHECKING:
    from costdb.accepting import Accepted
    from costdb.batch import Entry, Result
    from costdb.checking import Checked
    from costdb.comparing import Diff
    from costdb.replaying import Replayed
    from costdb.store.history import Selection
    from costdb.trends.acceptance import Acceptance, AcceptanceState

__all__ = [
    "accept",
    "accepted",
    "check",
    "diff",
    "history",
    "history_pieces",
    "ingest",
    "ingest_all",
    "login",
    "logout",
    "replay",
    "revoke",
    "show",
]


def ingest(
    artifact: str,
    reading: Reading | None = None,
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
) -> api.Ingested:
    """Push what a file costs as a version of a model; see `costdb.api.ingest`.

    However often the connection drops, the version is there once, or an error is raised.
    """
    from costdb.analysis import version_analyses
    from costdb.source import sha256

    settings = load_settings()
    with _server(database, settings) as server:
        name, found = version_analyses(artifact, reading, settings, model)
        outcome, notes = server.push(
            found,
            model=name,
            tag=tag,
            branch=branch,
            git_sha=git_sha,
            author=author,
            source=source,
            sha256=sha256(artifact) if hash_file else None,
            replace=replace,
        )
    said = (*notes, *(warning for analysis in found for warning in analysis.warnings))
    return api.Ingested(outcome, found, tuple(dict.fromkeys(said)))


def ingest_all(
    entries: "Iterable[Entry]",
    reading: Reading | None = None,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    resume: Path | None = None,
    replace: bool = False,
    database: str | None = None,
) -> "Generator[Result]":
    """Push what many files cost, one after the other; see `costdb.batch.ingest_all`."""
    from costdb.batch import ingest_all as ingest_entries

    with _server(database, load_settings()) as server:
        yield from ingest_entries(
            entries,
            reading,
            jobs=jobs,
            executor=executor,
            resume=resume,
            replace=replace,
            store_version=server.push,
        )


def history(
    *models: str, database: str | None = None, **selection: "Unpack[Selection]"
) -> list[Series]:
    """What the versions of models cost; see `costdb.api.history`."""
    with _server(database, load_settings()) as server:
        return server.history(models, selection)


def history_pieces(
    *models: str, database: str | None = None, **selection: "Unpack[Selection]"
) -> Iterator[Series]:
    """The same as `history`; see `costdb.api.history_pieces`."""
    with _server(database, load_settings()) as server:
        yield from server.history_pieces(models, selection)


def show(version: str, *, point: str = DEFAULT, database: str | None = None) -> StoredVersion:
    """One stored version with its graph and the cost of every layer; see `costdb.api.show`."""
    with _server(database, load_settings()) as server:
        return server.version_cost(version, point)


def diff(
    old: str,
    new: str,
    reading: Reading | None = None,
    *,
    point: str | None = None,
    metrics: Sequence[str] = (),
    database: str | None = None,
) -> "Diff":
    """Compare two things layer by layer, here; see `costdb.api.diff`."""
    from costdb.comparing import compare_sides
    from costdb.sides import is_file

    if is_file(old) and is_file(new):
        return api.diff(old, new, reading, point=point, metrics=metrics)
    api.check_layer_metrics(metrics)
    settings = load_settings()
    wanted = under_settings(reading, settings)
    with _server(database, settings) as server:
        return compare_sides(
            (old, server.side(old, wanted, settings, like=new)),
            (new, server.side(new, wanted, settings, like=old)),
            point=point,
            metrics=metrics,
        )


def check(
    target: str | None = None,
    reading: Reading | None = None,
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
    """Have a version, or a file that was not pushed, judged by a policy; see `costdb.api.check`.

    Without a policy of the client, that of the server holds. What the client accepted in
    `costdb.accepted.toml` holds beside what the server's database has.
    """
    from costdb.checking import Checked, at_point, require_one_question
    from costdb.client.policy import accepted_text, policy_text
    from costdb.pushing import carried_document
    from costdb.sides import compared_analyses, is_file

    require_one_question(target, against, all_models=all_models)
    is_target_file = target is not None and is_file(target)
    if is_target_file and against is not None and is_file(against):
        return api.check(
            target, reading, against=against, model=model, policy=policy, branch=branch, point=point
        )
    settings = load_settings()
    body: dict[str, Any] = {
        "all": all_models,
        "branch": branch,
        "point": point,
        "policy": policy_text(policy, settings),
        "accepted": accepted_text(settings),
        "save": save,
    }
    with _server(database, settings) as server:
        if target is not None and is_target_file:
            name, analyses = compared_analyses(target, reading, settings, model, against or "")
            wanted = at_point(analyses, point)
            body |= {"model": name, "analyses": list(map(carried_document, wanted))}
        else:
            body["target"] = target
        if against is not None:
            body["against"] = against
            if is_file(against):
                like = model or target or ""
                body["against"] = _sent_baseline(against, reading, settings, like)
            body["against_name"] = against
        answer = server.connection.post("/check", body)
    found = answers.understood(answers.CheckForm, answer)
    return Checked(found.findings(), tuple(found.warnings))


def replay(
    model: str,
    *,
    policy: Path | None = None,
    branch: str = "main",
    point: str | None = None,
    with_acceptances: bool = False,
    database: str | None = None,
) -> "Replayed":
    """Say at which past versions a policy would have fired; see `costdb.api.replay`."""
    from costdb.client.policy import accepted_text, policy_file, policy_text
    from costdb.replaying import Replayed, ReplayedVersion

    settings = load_settings()
    body = {
        "model": named(model),
        "branch": branch,
        "point": point,
        "policy": policy_text(policy, settings),
        "with_acceptances": with_acceptances,
        "accepted": accepted_text(settings),
    }
    with _server(database, settings) as server:
        found = answers.understood(answers.ReplayForm, server.connection.post("/replay", body))
    file = policy_file(policy, settings)
    versions = tuple(ReplayedVersion(*version) for version in found.replayed())
    return Replayed(model, branch, found.policy if file is None else str(file), versions)


def accept(
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
    """Accept what a version costs; see `costdb.api.accept`.

    With `in_file` the server says what that is, and the client's file holds it.
    """
    from costdb.accepting import Accepted
    from costdb.client.policy import accepted_text, policy_text
    from costdb.in_force import accepted_file
    from costdb.trends.accepted_file import add_accepted

    settings = load_settings()
    file = accepted_file(settings) if in_file else None
    body = {
        "version": named(version),
        "metrics": list(metrics),
        "scope": scope,
        "point": point,
        "reason": reason,
        "author": author or settings.user,
        "expires_at": expires_at and expires_at.isoformat(),
        "policy": policy_text(policy, settings),
        "accepted": accepted_text(settings),
        "keep": file is None,
    }
    with _server(database, settings) as server:
        answer = server.connection.post("/acceptances", body)
    found = answers.understood(answers.AcceptedForm, answer)
    made = tuple(found.acceptances())
    if file is None:
        return Accepted(found.version, made)
    if made:
        add_accepted(file, made)
    return Accepted(found.version, tuple(replaced(one, file=str(file)) for one in made), file)


def accepted(
    model: str | None = None, *, database: str | None = None
) -> "list[tuple[Acceptance, AcceptanceState]]":
    """What was accepted, on the server and in `costdb.accepted.toml`; see `costdb.api.accepted`."""
    from costdb.in_force import every_acceptance
    from costdb.trends.acceptance import states

    settings = load_settings()
    with _server(database, settings) as server:
        answer = server.connection.get("/acceptances", {"model": model and named(model)})
    stored = answers.understood(answers.AcceptancesForm, answer).records()
    return states([*stored, *every_acceptance(settings, None, model)], datetime.now(UTC))


def revoke(number: int, *, database: str | None = None) -> "Acceptance":
    """Take an acceptance back; see `costdb.api.revoke`."""
    with _server(database, load_settings()) as server:
        answer = server.connection.post(f"/acceptances/{number}/revoke", {})
    return answers.understood(answers.AcceptanceForm, answer).revoked.record()


def login(url: str, token: str) -> None:
    """Store the token for a server in the keyring, once the server knows it.

    Raises:
        ConfigurationError: It is no URL of a server, or there is no keyring.
        UsageError: It is no token.
        AccessDenied: The server does not know it, or others could read it on its way.
        ServerUnavailable: The server cannot be reached, fails, or is none.
    """
    server = server_url(url)
    secret.check(server, token)
    with Connection(server, token) as connection:
        connection.get("/models")
    secret.keep(server, token)


def logout(url: str) -> bool:
    """Remove a server's token from the keyring. Returns whether there was one.

    Raises:
        ConfigurationError: It is no URL of a server, or there is no keyring.
    """
    return secret.forget(server_url(url))


@contextmanager
def _server(url: str | None, settings: Settings) -> Iterator[Server]:
    """The server of a URL, else of COSTDB_SERVER."""
    named = url or settings.server
    if named is None:
        raise UsageError("no server is named", hint="set COSTDB_SERVER, or name its URL")
    address = server_url(named)
    with Connection(address, secret.token_for(address, settings)) as connection:
        yield Server(connection)


def _sent_baseline(file: str, reading: Reading | None, settings: Settings, like: str) -> Any:
    """A file as what a version there is compared with: a saved analysis, or one for each point."""
    import json

    from costdb.analysis import analyses
    from costdb.cost.schema import read_document
    from costdb.pushing import carried_document
    from costdb.sides import points_of, saved_analysis

    text = saved_analysis(file)
    if text is not None:
        read_document(text, file)  # a mistake in it is said here, and names the file
        return json.loads(text)
    wanted = under_settings(reading, settings)
    found = analyses(file, wanted, points_of(file, settings, like))
    return list(map(carried_document, found))
