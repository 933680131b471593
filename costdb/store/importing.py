"""`costdb import`: the rows of an export into a database that may hold rows already."""

import json
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby, islice
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    and_,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from costdb.canonical import names_digest, structure_digest
from costdb.errors import BrokenExport, CostdbError, VersionConflict
from costdb.store import schema
from costdb.store.compression import compressed
from costdb.store.database import write_transaction
from costdb.store.migrations import HEAD
from costdb.store.names import check_branch, check_model, check_point, check_tag
from costdb.store.portable import (
    FORMAT,
    KINDS,
    LAYER_COLUMNS,
    LAYERS,
    Kind,
    Reference,
    is_content,
)
from costdb.store.types import Flag, UtcDateTime, Whole

# Rows that are looked up and written at a time. SQLite takes 32,766 values in a statement.
_BATCH = 500
_LARGEST = 2**63 - 1

_DIGESTS: dict[str, Callable[[bytes], str]] = {
    "structure": structure_digest,
    "layer_names": names_digest,
}
_NAME_CHECKS: dict[tuple[str, str], Callable[[str], str]] = {
    ("model", "slug"): check_model,
    ("version", "tag"): check_tag,
    ("version", "branch"): check_branch,
    ("analysis", "point"): check_point,
    ("alias", "name"): check_tag,
}

Row = dict[str, Any]

# The values that tell a row of a kind from the others.
_Key = tuple[Any, ...]


@dataclass(slots=True)
class Imported:
    """What an import did.

    Attributes:
        added: Table -> rows that are new to the database.
        present: How many rows were there already.
    """

    added: dict[str, int] = field(default_factory=dict)
    present: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of an export: where it stands, its table, and its columns."""

    number: int
    kind: Kind
    values: Row
    references: dict[str, str]
    layers: list[Row]


def import_lines(engine: Engine, lines: Iterable[str]) -> Imported:
    """Add the rows of an export that are not there yet: all of them, or none.

    Args:
        engine: The database.
        lines: As `export_lines` gives them.

    Raises:
        BrokenExport: A line is damaged or missing, or the export is of another schema.
        VersionConflict: A row contradicts one that is there.
        DatabaseUnavailable: The database cannot be written.
    """
    done = Imported()
    parsed = _parsed(lines)
    with write_transaction(engine) as connection:
        presence = _Presence(connection)
        for kind, group in groupby(parsed, key=lambda line: line.kind):
            while batch := list(islice(group, _BATCH)):
                try:
                    _add(connection, kind, batch, presence, done)
                except IntegrityError as error:
                    raise VersionConflict(
                        f"{_place(batch)}: a {kind.table.name} contradicts one that is there",
                        hint="import into a new database with --db, and compare",
                    ) from error
    return done


def _parsed(lines: Iterable[str]) -> Iterator[_Line]:
    """The rows of an export. Raises BrokenExport."""
    kinds = {
        kind.table.name: (kind, {column.name: column for column in kind.columns}) for kind in KINDS
    }
    count, ended = 0, False
    for number, text in enumerate(lines, start=1):
        record = _object(text, number)
        if number == 1:
            _check_header(record)
            continue
        if ended:
            raise _broken(number, "there is something after the end")
        name = record.pop("kind", None)
        if name == "end":
            if record != {"rows": count}:
                raise _broken(number, f"{count} rows came before the end, it says {record}")
            ended = True
            continue
        if not isinstance(name, str) or name not in kinds:
            raise _broken(number, f"no kind {name!r} of rows is known")
        yield _read(number, *kinds[name], record)
        count += 1
    if not ended:
        raise BrokenExport("the export ends too early", hint="export it again")


def _object(text: str, number: int) -> Row:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(number, f"it is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise _broken(number, "it is no JSON object")
    return record


def _check_header(record: Row) -> None:
    if record.get("schema") != FORMAT:
        raise BrokenExport(f"it is no {FORMAT}", hint="make one with costdb export")
    if record.get("revision") != HEAD or record.get(LAYERS) != list(LAYER_COLUMNS):
        raise BrokenExport(
            f"it is of schema {record.get('revision')!r}, this program has {HEAD!r}",
            hint="export it again with the same version of costdb",
        )


def _read(number: int, kind: Kind, columns: Mapping[str, Column[Any]], record: Row) -> _Line:
    layers = record.pop(LAYERS, None) if kind.table is schema.cost else None
    references = {reference.name: record.pop(reference.name, None) for reference in kind.references}
    for name, value in references.items():
        if not isinstance(value, str):
            raise _broken(number, f"{name} is {value!r}")
    if record.keys() != columns.keys():
        odd = sorted(record.keys() ^ columns.keys())
        raise _broken(number, f"it lacks or has too much of {', '.join(odd)}")
    values = {name: _value(columns[name], record[name], number) for name in columns}
    _check_content(number, kind, values)
    for name in columns:
        check = _NAME_CHECKS.get((kind.table.name, name))
        if check is not None:
            try:
                check(values[name])
            except CostdbError as error:
                raise _broken(number, error.message) from error
    read = [] if layers is None else _layers(number, layers)
    return _Line(number, kind, values, references, read)


def _value(column: Column[Any], value: object, number: int) -> Any:
    """A value as SQLAlchemy takes it. Raises BrokenExport where the column cannot hold it."""
    if value is None and column.nullable:
        return None
    if column.type is Whole or column.type is Flag:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return bool(value) if column.type is Flag else value
    elif isinstance(column.type, UtcDateTime):
        if isinstance(value, str) and (moment := _moment(value)) is not None:
            return moment
    elif isinstance(value, str):
        return value.encode("utf-8", "surrogatepass") if is_content(column) else value
    raise _broken(number, f"{column.name} is {value!r}")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.utcoffset() is not None else None


def _check_content(number: int, kind: Kind, values: Row) -> None:
    """See that content is what its digest says, and compress it in place."""
    digest = _DIGESTS.get(kind.table.name)
    if digest is None:
        return
    if digest(values["content"]) != values["digest"]:
        raise _broken(number, "its digest is not that of its content")
    values["content"] = compressed(values["content"])


def _layers(number: int, layers: object) -> list[Row]:
    if not isinstance(layers, list):
        raise _broken(number, "its layers are no list")
    read = []
    for layer in layers:
        if not isinstance(layer, list) or len(layer) != len(LAYER_COLUMNS):
            raise _broken(number, f"a layer is {layer!r:.80}")
        read.append(
            {
                name: _value(schema.layer_cost.c[name], value, number)
                for name, value in zip(LAYER_COLUMNS, layer, strict=True)
            }
        )
    return read


def _add(
    connection: Connection,
    kind: Kind,
    batch: Sequence[_Line],
    presence: "_Presence",
    done: Imported,
) -> None:
    """Write what of a batch is not there yet."""
    for reference in kind.references:
        _resolve(connection, reference, batch)
    present = presence.among(kind, batch)
    new: dict[_Key, _Line] = {}
    for line in batch:
        key = kind.key(line.values)
        if key in present or key in new:
            _end(connection, kind, line, present.get(key))
            done.present += 1
        else:
            new[key] = line
    if not new:
        return
    rows = [line.values for line in new.values()]
    if kind.table is schema.cost:
        _add_costs(connection, list(new.values()))
    else:
        connection.execute(insert(kind.table), rows)
    done.added[kind.table.name] = done.added.get(kind.table.name, 0) + len(rows)


def _add_costs(connection: Connection, lines: Sequence[_Line]) -> None:
    table = schema.cost
    # The numbers come back in the order of the rows.
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    numbers = connection.scalars(statement, [line.values for line in lines]).all()
    layers = [
        {"cost_id": number, **layer}
        for number, line in zip(numbers, lines, strict=True)
        for layer in line.layers
    ]
    if layers:
        connection.execute(insert(schema.layer_cost), layers)


def _resolve(connection: Connection, reference: Reference, batch: Sequence[_Line]) -> None:
    """Put the row numbers into a batch that its names stand for."""
    names = {line.references[reference.name] for line in batch}
    query = reference.target.where(reference.among(names))
    numbers = {name: number for number, name in connection.execute(query)}
    for line in batch:
        name = line.references[reference.name]
        if name not in numbers:
            raise _broken(line.number, f"there is no {reference.name} {name!r} before it")
        line.values[reference.column] = numbers[name]


class _Presence:
    """Which rows of an export are there already, by their keys.

    A large import asks thousands of times, so that every answer has to come from an index.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def among(self, kind: Kind, batch: Sequence[_Line]) -> Mapping[_Key, Any]:
        """Those of a batch that are there, and maybe others."""
        if kind.table is schema.analysis:
            return self._analyses(kind, batch)
        # Column by column: rows of values would be sought in no index.
        wanted = {name: {line.values[name] for line in batch} for name in kind.keys}
        return self._found(
            kind, and_(*(kind.table.c[name].in_(values) for name, values in wanted.items()))
        )

    def _analyses(self, kind: Kind, batch: Sequence[_Line]) -> Mapping[_Key, Any]:
        """Only the current ones have an index, and only few were replaced."""
        table = schema.analysis
        versions = {line.values["version_id"] for line in batch}
        is_current = and_(table.c.replaced_at.is_(None), table.c.version_id.in_(versions))
        present = ChainMap(self._found(kind, is_current), self._replaced)
        ended = {kind.key(line.values): line.values for line in batch if line.values["replaced_at"]}
        if ended:
            self._replaced = self._replaced | ended
        return present

    @cached_property
    def _replaced(self) -> dict[_Key, Any]:
        kind = next(kind for kind in KINDS if kind.table is schema.analysis)
        return self._found(kind, schema.analysis.c.replaced_at.is_not(None))

    def _found(self, kind: Kind, condition: ColumnElement[bool]) -> dict[_Key, Any]:
        rows = self._connection.execute(select(kind.table).where(condition)).mappings()
        return {kind.key(row): row for row in rows}


def _end(connection: Connection, kind: Kind, line: _Line, row: Any) -> None:
    """Note in a row that is there what has ended since."""
    if row is None:
        return
    ended = {
        name: line.values[name]
        for name in kind.endings
        if row[name] is None and line.values[name] is not None
    }
    if ended:
        table = kind.table
        connection.execute(update(table).where(table.c.id == row["id"]).values(**ended))


def _place(batch: Sequence[_Line]) -> str:
    first, last = batch[0].number, batch[-1].number
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _broken(number: int, text: str) -> BrokenExport:
    return BrokenExport(f"line {number} of the export: {text}", hint="export it again")
