"""Flags that mean the same wherever they stand."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class Group(StrEnum):
    """How layers are rolled up; the values of `report.analysis.Grouping`."""

    LAYER = "layer"
    SCOPE = "scope"
    OP = "op"
    DTYPE = "dtype"


By = Annotated[Group, typer.Option("--by", help="Roll the layers up.")]
Top = Annotated[int, typer.Option("--top", min=0, help="How many rows of layers; 0 for all.")]
Format = Annotated[OutputFormat, typer.Option("--format", "-f", help="How to print the answer.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL|PATH",
        help="The database; else COSTDB_URL, costdb.toml, or a file in your data folder.",
        show_default=False,
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="URL",
        help="The server in the place of a database; else COSTDB_SERVER, unless --db is given."
        " Its token comes from COSTDB_TOKEN or the keyring: costdb token login.",
        show_default=False,
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=SHAPE",
        help="An input's shape, dtype or value: x=1x3x224x224, ids=1x128:int64, rate:=16000.",
        show_default=False,
    ),
]
Dims = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="NAME=SIZE",
        help="The size of a free dimension: sequence=128.",
        show_default=False,
    ),
]
Trips = Annotated[
    list[str] | None,
    typer.Option(
        "--trip",
        metavar="NAME=COUNT",
        help="How often a loop runs whose count depends on data.",
        show_default=False,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="NAME",
        help="Cost only what this output needs; '*' keeps every layer.",
        show_default=False,
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Allow code that comes with the model to run.")
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=AMOUNT",
        help="What reading the file may take: memory=4GiB, cpu=300s, time=10min, none; else what"
        " costdb.toml says, else 2 GiB, 60 s and 2 min. May be repeated.",
        show_default=False,
    ),
]
LoaderName = Annotated[
    str | None,
    typer.Option(
        "--loader",
        metavar="NAME",
        help="Read the file with this loader, whatever it looks like.",
        show_default=False,
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Fail if an operator has no counting rule.")]
Branch = Annotated[
    str | None, typer.Option("--branch", help="Only versions of this branch.", show_default=False)
]
Point = Annotated[
    str | None,
    typer.Option("--point", help="Only this operating point.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TAG|DATE", help="From this version or day on.", show_default=False
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TAG|DATE", help="Up to this version or day.", show_default=False
    ),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        metavar="NAME[:DIM=SIZE]",
        help="An operating point: one of costdb.toml, or b32:batch=32. May be repeated.",
        show_default=False,
    ),
]


def days(text: str) -> timedelta | None:
    """So many days, as in 90d; None for any other text."""
    match = re.fullmatch(r"([0-9]{1,5})d", text)
    return timedelta(days=int(match[1])) if match else None
