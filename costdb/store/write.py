"""The write side: what an ingest leaves in the database.

Everything is prepared first; then one short transaction decides and writes. A model's versions
are written one after the other: SQLite's write lock sees to that, on PostgreSQL a lock on the
model's row. Rows that others may write at the same time are inserted unless they are there.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from costdb.cost.result import Analysis, View
from costdb.errors import UsageError
from costdb.store import schema
from costdb.store.contents import (
    Prepared,
    add_costs,
    add_names,
    add_structures,
    insert_unless_there,
    prepare,
)
from costdb.store.database import write_transaction
from costdb.store.decisions import (
    CurrentAnalysis,
    StoredFile,
    decide,
    is_same_file,
    overall_status,
)
from costdb.store.failures import is_transient
from costdb.store.names import check_branch, check_model, check_point, check_tag
from costdb.store.records import IngestOutcome, IngestStatus, PointOutcome

# Versions can be put between others without renumbering all of them.
ORDINAL_GAP = 1024

ATTEMPTS = 5

# What else is written in the transaction of an ingest, given what the ingest did.
Record = Callable[[Connection, IngestOutcome], None]


@dataclass(frozen=True, slots=True)
class _Request:
    """An ingest whose arguments were checked; see `ingest`."""

    prepared: tuple[Prepared, ...]
    model: str
    tag: str
    branch: str
    git_sha: str | None
    author: str | None
    source: str | None
    sha256: str | None
    description: str | None
    replace: bool
    now: datetime
    record: Record | None


class _Version(NamedTuple):
    """A version's row."""

    id: int
    ordinal: int
    file: StoredFile


class _Decision(NamedTuple):
    """What is to be done with an analysis, and the one that is current before."""

    prepared: Prepared
    status: IngestStatus
    current: CurrentAnalysis | None


def ingest(
    engine: Engine,
    analyses: Sequence[Analysis],
    *,
    model: str,
    tag: str,
    branch: str = "main",
    git_sha: str | None = None,
    author: str | None = None,
    source: str | None = None,
    sha256: str | None = None,
    description: str | None = None,
    replace: bool = False,
    now: datetime,
    record: Record | None = None,
) -> IngestOutcome:
    """Keep what a version costs.

    The version is compared with the database point by point. The same structure leaves things as
    they are, and a point new to the version is added. Another structure is refused, unless
    `replace` is set, or the file is the same and a newer revision of the loader made the
    difference; the old analysis is kept and marked. A cost under rules that are new to the
    database is added in any case.

    Args:
        engine: The database.
        analyses: One for each operating point, all of one file.
        model: The model's name; a new one is created.
        tag: The version's tag.
        branch: The line that the version continues.
        git_sha: The commit it was built from.
        author: Who ingests it.
        source: Where it comes from, such as a CI run.
        sha256: The file's hash.
        description: What the model is for; None leaves it as it is.
        replace: Whether another structure may take the place of the stored one.
        now: The time, aware.
        record: Called at the end of the transaction: what it writes is kept exactly if the ingest
            is. It may be called more than once, where the transaction has to be tried again.

    Returns:
        What was done, in all and at each point.

    Raises:
        UsageError: A name is not allowed, or there is no analysis, or two of one point.
        VersionConflict: The tag exists with another structure. Nothing was written.
        DatabaseUnavailable: The database cannot be written. Nothing was written.
        ValueError: `now` is naive, or an analysis is not of the deployed view.
    """
    request = _Request(
        prepared=_prepare(analyses),
        model=check_model(model),
        tag=check_tag(tag),
        branch=check_branch(branch),
        git_sha=git_sha,
        author=author,
        source=source,
        sha256=sha256,
        description=description,
        replace=replace,
        now=now,
        record=record,
    )
    if now.utcoffset() is None:
        raise ValueError(f"{now!r} has no time zone")
    for _ in range(ATTEMPTS - 1):
        try:
            return _ingest_once(engine, request)
        except IntegrityError:
            continue  # another process wrote the same row first
        except DBAPIError as error:
            if not is_transient(error):
                raise
    return _ingest_once(engine, request)


def _prepare(analyses: Sequence[Analysis]) -> tuple[Prepared, ...]:
    if not analyses:
        raise UsageError("there is nothing to ingest", hint="name a file")
    points = [check_point(analysis.point) for analysis in analyses]
    if len(set(points)) < len(points):
        raise UsageError(
            f"an operating point is given twice: {', '.join(points)}", hint="name each point once"
        )
    for analysis in analyses:
        if analysis.cost.view is not View.DEPLOYED:
            raise ValueError("the database holds the deployed view")
        if len(analysis.cost.layers) != len(list(analysis.graph.all_layers())):
            raise ValueError("the cost is of another graph")
    return tuple(prepare(analysis) for analysis in analyses)


def _ingest_once(engine: Engine, request: _Request) -> IngestOutcome:
    with write_transaction(engine) as connection:
        model_id = _lock_model(connection, request)
        version = _find_version(connection, model_id, request.tag)
        decisions = _decide(connection, version, request)
        version = version or _create_version(connection, model_id, request)
        costs_added = _write_decisions(connection, version.id, decisions, request.now)
        stale_points: Collection[str] = ()
        if any(decision.status is IngestStatus.REPLACED for decision in decisions):
            _describe_new_file(connection, version.id, request)
            given = {prepared.analysis.point for prepared in request.prepared}
            stale_points = set(_current_analyses(connection, version.id)) - given
        outcome = _outcome(
            request, version.ordinal, decisions, costs_added=costs_added, stale_points=stale_points
        )
        if request.record is not None:
            request.record(connection, outcome)
    return outcome


def _write_decisions(
    connection: Connection, version_id: int, decisions: Sequence[_Decision], now: datetime
) -> set[str]:
    """Write what was decided. Returns the digests of the structures that a cost was added to."""
    structure_ids = add_structures(connection, (entry.prepared for entry in decisions))
    costs_added = add_costs(connection, (entry.prepared for entry in decisions), structure_ids)
    changed = [entry for entry in decisions if entry.status is not IngestStatus.UNCHANGED]
    names_ids = add_names(connection, (entry.prepared for entry in changed))
    for decision in changed:
        analysis = decision.prepared.analysis
        _write_analysis(
            connection,
            decision,
            now,
            version_id=version_id,
            structure_id=structure_ids[analysis.structure_digest],
            layer_names_id=names_ids[analysis.names_digest],
        )
    return costs_added


def _lock_model(connection: Connection, request: _Request) -> int:
    """The model's row, created if it is absent, locked until the transaction ends."""
    # SQLite has no FOR UPDATE, and SQLAlchemy leaves it out there: the whole file is locked.
    # A stronger lock than FOR NO KEY UPDATE would keep every row waiting that refers to the model.
    locked = select(schema.model.c.id).with_for_update(key_share=True)
    query = locked.where(schema.model.c.slug == request.model)
    model_id = connection.scalar(query)
    if model_id is None:
        _refuse_former_name(connection, request.model)
        insert_unless_there(
            connection,
            schema.model,
            slug=request.model,
            description=request.description or "",
            former_names="[]",
            created_at=request.now,
        )
        model_id = connection.scalars(query).one()
    elif request.description is not None:
        connection.execute(
            update(schema.model)
            .where(schema.model.c.id == model_id)
            .values(description=request.description)
        )
    return int(model_id)


def _refuse_former_name(connection: Connection, name: str) -> None:
    """A renamed model must not start a second history under its old name."""
    renamed = select(schema.model.c.slug, schema.model.c.former_names).where(
        schema.model.c.former_names != "[]"
    )
    for slug, former_names in connection.execute(renamed):
        if name in json.loads(former_names):
            raise UsageError(
                f"the model {name!r} is called {slug!r} now", hint=f"write --model {slug}"
            )


def _find_version(connection: Connection, model_id: int, tag: str) -> _Version | None:
    table = schema.version
    row = connection.execute(
        select(table.c.id, table.c.ordinal, table.c.artifact_bytes, table.c.sha256).where(
            table.c.model_id == model_id, table.c.tag == tag
        )
    ).one_or_none()
    return row and _Version(row.id, row.ordinal, StoredFile(row.artifact_bytes, row.sha256))


def _create_version(connection: Connection, model_id: int, request: _Request) -> _Version:
    _refuse_alias(connection, model_id, request)
    table = schema.version
    highest = connection.scalar(
        select(func.max(table.c.ordinal)).where(table.c.model_id == model_id)
    )
    ordinal = (highest or 0) + ORDINAL_GAP
    file_values = _file_values(request)
    version_id = connection.scalars(
        insert(table)
        .values(
            model_id=model_id,
            tag=request.tag,
            ordinal=ordinal,
            branch=request.branch,
            git_sha=request.git_sha,
            source=request.source,
            author=request.author,
            created_at=request.now,
            **file_values,
        )
        .returning(table.c.id)
    ).one()
    return _Version(version_id, ordinal, StoredFile(file_values["artifact_bytes"], request.sha256))


def _refuse_alias(connection: Connection, model_id: int, request: _Request) -> None:
    """A tag must not take over what `MODEL@ALIAS` stands for."""
    alias = schema.alias
    if connection.scalar(
        select(alias.c.name).where(alias.c.model_id == model_id, alias.c.name == request.tag)
    ):
        raise UsageError(
            f"{request.model} has an alias {request.tag!r}, which a tag would hide",
            hint=f"use another --tag, or costdb alias remove {request.model}@{request.tag}",
        )


def _file_values(request: _Request) -> dict[str, Any]:
    artifact = request.prepared[0].analysis.artifact
    return {
        "file_format": artifact.file_format,
        "framework": artifact.framework,
        "artifact_path": artifact.path,
        "artifact_bytes": artifact.bytes,
        "sha256": request.sha256,
    }


def _describe_new_file(connection: Connection, version_id: int, request: _Request) -> None:
    """A replaced version says of the new file what is known of it; its branch and place stay."""
    said = {"git_sha": request.git_sha, "source": request.source, "author": request.author}
    connection.execute(
        update(schema.version)
        .where(schema.version.c.id == version_id)
        .values(
            **_file_values(request),
            **{name: value for name, value in said.items() if value is not None},
        )
    )


def _current_analyses(connection: Connection, version_id: int) -> dict[str, CurrentAnalysis]:
    """Operating point -> the analysis that stands for it."""
    analysis, structure = schema.analysis, schema.structure
    rows = connection.execute(
        select(
            analysis.c.point,
            analysis.c.id,
            structure.c.digest,
            analysis.c.loader,
            analysis.c.loader_revision,
        )
        .join(structure, structure.c.id == analysis.c.structure_id)
        .where(analysis.c.version_id == version_id, analysis.c.replaced_at.is_(None))
    )
    return {point: CurrentAnalysis(*rest) for point, *rest in rows}


def _decide(
    connection: Connection, version: _Version | None, request: _Request
) -> tuple[_Decision, ...]:
    """What is to be done with each analysis. Raises VersionConflict."""
    if version is None:
        return tuple(_Decision(entry, IngestStatus.CREATED, None) for entry in request.prepared)
    current = _current_analyses(connection, version.id)
    return tuple(
        _Decision(
            entry,
            decide(
                entry.analysis,
                current.get(entry.analysis.point),
                is_same_file=is_same_file(version.file, entry.analysis, request.sha256),
                replace=request.replace,
                version_name=f"{request.model}@{request.tag}",
            ),
            current.get(entry.analysis.point),
        )
        for entry in request.prepared
    )


def _write_analysis(
    connection: Connection,
    decision: _Decision,
    now: datetime,
    *,
    version_id: int,
    structure_id: int,
    layer_names_id: int,
) -> None:
    """Make an analysis the current one of its point; the old one is kept."""
    table = schema.analysis
    if decision.current is not None:
        connection.execute(
            update(table).where(table.c.id == decision.current.id).values(replaced_at=now)
        )
    analysis = decision.prepared.analysis
    connection.execute(
        insert(table).values(
            version_id=version_id,
            point=analysis.point,
            structure_id=structure_id,
            layer_names_id=layer_names_id,
            loader=analysis.loader,
            loader_revision=analysis.loader_revision,
            warnings=json.dumps(analysis.warnings),
            created_at=now,
        )
    )


def _outcome(
    request: _Request,
    ordinal: int,
    decisions: Sequence[_Decision],
    *,
    costs_added: Collection[str],
    stale_points: Collection[str],
) -> IngestOutcome:
    return IngestOutcome(
        status=overall_status({decision.status for decision in decisions}),
        model=request.model,
        tag=request.tag,
        ordinal=ordinal,
        points=tuple(
            PointOutcome(
                point=decision.prepared.analysis.point,
                status=decision.status,
                structure_digest=decision.prepared.analysis.structure_digest,
                old_digest=decision.current and decision.current.structure_digest,
                cost_added=decision.prepared.analysis.structure_digest in costs_added,
            )
            for decision in decisions
        ),
        stale_points=tuple(sorted(stale_points)),
    )
