"""No page reads a large table whole, however large the database is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from builders.pages import MakeVisitor
from sqlalchemy import Engine, create_engine, event

# An index is gone through from end to end where the last run of each subject is looked for.
_SCAN = re.compile(r"\bSCAN (?P<table>version|analysis|structure|layer_names|cost|layer_cost)\b")


@contextmanager
def recorded() -> Iterator[dict[str, Any]]:
    """The statements that are executed meanwhile, with their values."""
    statements: dict[str, Any] = {}

    def remember(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if text.lstrip().upper().startswith(("SELECT", "WITH")):
            statements[text] = values

    event.listen(Engine, "before_cursor_execute", remember)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", remember)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/models/detector",
        "/models/stable?against=best&archived=1",
        "/models/detector/versions/v3",
        "/diff?old=detector@v2&new=detector@v3",
        "/findings?verdict=all",
    ],
)
def test_every_statement_of_a_page_follows_an_index(
    visiting: MakeVisitor, filled: str, address: str
) -> None:
    visit = visiting(filled)
    with recorded() as statements:
        visit(address)
    assert statements
    engine = create_engine(f"sqlite:///{filled}")
    with engine.connect() as connection:
        for text, values in statements.items():
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            plan = "\n".join(str(row[-1]) for row in rows)
            assert not _SCAN.search(plan), f"{text}\n{plan}"
            assert "SCAN check_run" not in plan.replace("SCAN check_run USING COVERING INDEX", "")
    engine.dispose()
