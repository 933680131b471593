"""The form of an export: JSON lines, a row each, in which names and digests stand for row numbers.

The first line says `costdb.export/1` and the schema's revision, the last one how many rows there
are, so that a file that was cut off is known as such. Rows refer to rows of earlier lines only.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, RowMapping, Select, Table, and_, select

from costdb.store import schema

FORMAT = "costdb.export/1"

# A cost's line has its layers under this key, each a list in this order.
LAYERS = "layer_costs"
LAYER_COLUMNS = tuple(column.name for column in schema.layer_cost.c if column.name != "cost_id")


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of row numbers, and what an export says instead.

    Attributes:
        name: Its key in the export.
        column: The column.
        target: Selects the row number and the name of the rows that it may refer to.
        among: The condition that all such rows with one of some names fulfil, and maybe others.
    """

    name: str
    column: str
    target: Select[Any]
    among: Callable[[Collection[str]], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One table as it is exported.

    Attributes:
        table: The table.
        keys: The columns that tell its rows apart: a row with equal ones is there already.
        references: The columns that hold row numbers.
        endings: Times at which something ended: all that changes in a row that is there already,
            from nothing to a time.
    """

    table: Table
    keys: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    endings: tuple[str, ...] = ()

    @property
    def columns(self) -> list[Column[Any]]:
        """What is exported as it is."""
        numbers = {"id", *(reference.column for reference in self.references)}
        return [column for column in self.table.c if column.name not in numbers]

    def key(self, row: Mapping[str, Any] | RowMapping) -> tuple[Any, ...]:
        """What tells a row apart."""
        return tuple(row[name] for name in self.keys)


def is_content(column: Column[Any]) -> bool:
    """Whether a column holds compressed JSON, which an export shows as text."""
    return isinstance(column.type, LargeBinary)


def _version_among(names: Collection[str]) -> ColumnElement[bool]:
    """Versions of those models and of those tags: of pairs, PostgreSQL would search no index."""
    pairs = [name.partition("@") for name in names]
    return and_(
        schema.model.c.slug.in_({slug for slug, _, _ in pairs}),
        schema.version.c.tag.in_({tag for _, _, tag in pairs}),
    )


MODEL = Reference(
    "model",
    "model_id",
    select(schema.model.c.id, schema.model.c.slug.label("name")),
    schema.model.c.slug.in_,
)
VERSION = Reference(
    "version",
    "version_id",
    select(
        schema.version.c.id, (schema.model.c.slug + "@" + schema.version.c.tag).label("name")
    ).join(schema.model, schema.model.c.id == schema.version.c.model_id),
    _version_among,
)
STRUCTURE = Reference(
    "structure",
    "structure_id",
    select(schema.structure.c.id, schema.structure.c.digest.label("name")),
    schema.structure.c.digest.in_,
)
LAYER_NAMES = Reference(
    "layer_names",
    "layer_names_id",
    select(schema.layer_names.c.id, schema.layer_names.c.digest.label("name")),
    schema.layer_names.c.digest.in_,
)

# In an order in which every row comes after those that it refers to. Receipts of pushes are left
# out: they are for clients that ask the same server again within days, and end with it.
KINDS: Sequence[Kind] = (
    Kind(schema.model, ("slug",)),
    Kind(schema.structure, ("digest",)),
    Kind(schema.layer_names, ("digest",)),
    Kind(schema.cost, ("structure_id", "rules"), (STRUCTURE,)),
    Kind(schema.version, ("model_id", "tag"), (MODEL,), ("archived_at",)),
    Kind(
        schema.analysis,
        ("version_id", "point", "structure_id", "layer_names_id", "created_at"),
        (VERSION, STRUCTURE, LAYER_NAMES),
        ("replaced_at",),
    ),
    Kind(schema.alias, ("model_id", "name"), (MODEL, VERSION)),
    Kind(
        schema.acceptance,
        ("model_id", "version_id", "point", "metric", "scope", "created_at"),
        (MODEL, VERSION),
        ("revoked_at",),
    ),
    Kind(schema.check_run, ("subject", "baseline", "created_at")),
    Kind(schema.token, ("name",), (), ("revoked_at",)),
)
