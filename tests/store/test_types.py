"""Column types, on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, select
from sqlalchemy.exc import DBAPIError, StatementError

from costdb.store import Store
from costdb.store.database import read_transaction, write_transaction
from costdb.store.types import AnyText, Flag, UtcDateTime, Whole

PACIFIC = timezone(timedelta(hours=-8))


@pytest.fixture
def sample(store: Store) -> Table:
    table = Table(
        "sample",
        MetaData(),
        Column("whole", Whole),
        Column("moment", UtcDateTime),
        Column("note", AnyText),
        Column("flag", Flag),
        sqlite_strict=True,
    )
    with write_transaction(store.engine) as connection:
        table.create(connection)
    return table


def written(store: Store, table: Table, **values: object) -> object:
    """What comes back of one value."""
    with write_transaction(store.engine) as connection:
        connection.execute(table.insert().values(**values))
    with read_transaction(store.engine) as connection:
        return connection.scalars(select(*(table.c[name] for name in values))).one()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # By hand: 13:30 at UTC-8 is 21:30 in UTC.
        pytest.param(
            datetime(2026, 1, 2, 13, 30, tzinfo=PACIFIC),
            datetime(2026, 1, 2, 21, 30, tzinfo=UTC),
            id="another zone",
        ),
        pytest.param(
            datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            id="microseconds",
        ),
    ],
)
def test_moments_come_back_aware_and_in_utc(
    store: Store, sample: Table, moment: datetime, expected: datetime
) -> None:
    found = written(store, sample, moment=moment)
    assert found == expected
    assert isinstance(found, datetime)
    assert found.utcoffset() == timedelta(0)


def test_naive_moments_are_refused(store: Store, sample: Table) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        written(store, sample, moment=datetime(2026, 1, 2))  # noqa: DTZ001 - what is tested


def test_moments_are_compared_as_moments(store: Store, sample: Table) -> None:
    moments = [
        datetime(2026, 1, 2, 13, 30, tzinfo=PACIFIC),
        datetime(2026, 1, 2, 21, 29, tzinfo=UTC),
        datetime(2026, 1, 2, 21, 30, 0, 1, tzinfo=UTC),
    ]
    with write_transaction(store.engine) as connection:
        connection.execute(sample.insert(), [{"moment": moment} for moment in moments])
        query = select(sample.c.moment).where(sample.c.moment >= moments[0])
        assert len(connection.execute(query).all()) == 2


@pytest.mark.parametrize(
    "text",
    ["", "plain", "NUL \x00", "\x1a", "\x1a0000", "undecodable \udcff", "\U0001f680 \u202e"],
)
def test_any_text_comes_back_as_it_was(store: Store, sample: Table, text: str) -> None:
    assert written(store, sample, note=text) == text


def test_nothing_comes_back_as_nothing(store: Store, sample: Table) -> None:
    assert written(store, sample, note=None) is None
    with read_transaction(store.engine) as connection:
        assert connection.execute(select(sample)).one() == (None, None, None, None)


@pytest.mark.parametrize("number", [0, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_whole_numbers_have_64_bits(store: Store, sample: Table, number: int) -> None:
    assert written(store, sample, whole=number) == number


def test_text_in_a_column_of_numbers_is_refused(store: Store, sample: Table) -> None:
    with pytest.raises(DBAPIError):
        written(store, sample, whole="many")


def test_flags(store: Store, sample: Table) -> None:
    assert bool(written(store, sample, flag=True))
