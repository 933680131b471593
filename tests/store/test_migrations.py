"""The tables that migrations build, and the runner."""

import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from builders.analyses import NOW, analysis
from sqlalchemy import Engine, func, insert, inspect, select, text

from costdb.errors import CostdbError, DatabaseUnavailable, SchemaMismatch
from costdb.settings import migrations_folder
from costdb.store import Store, migrations, open_store, schema, upgrade_store
from costdb.store.database import create_engine, read_transaction, write_transaction
from costdb.store.migrations import (
    HEAD,
    SchemaState,
    back_up,
    downgrade,
    inspect_schema,
    upgrade,
)
from costdb.store.read import resolve
from costdb.store.records import IngestOutcome
from costdb.store.schema import REVISIONS, metadata
from costdb.store.stored import version_cost
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]

# A next revision that rebuilds the table that others refer to: where foreign keys are on, SQLite
# refuses to drop it, or deletes what refers to it.
NEXT = '''
"""The next revision."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade():
    with op.batch_alter_table("model", recreate="{recreate}") as batch:
        batch.add_column(sa.Column("owner", sa.Text(), nullable=True))
        batch.alter_column("description", nullable=True)
    {more}


def downgrade():
    with op.batch_alter_table("model", recreate="{recreate}") as batch:
        batch.drop_column("owner")
        batch.alter_column("description", nullable=False)
'''

NEXT_REVISIONS = (*REVISIONS, "next")


@pytest.fixture
def next_folder(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the migrations with one more, which may do more."""

    def copy(more: str = "pass") -> Path:
        folder = tmp_path / "the next 100% migrations"
        shutil.copytree(migrations_folder(), folder)
        content = NEXT.format(head=HEAD, recreate="auto", more=more)
        (folder / "versions" / "next.py").write_text(content)
        return folder

    return copy


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def sqlite_ddl(engine: Engine) -> dict[str, str]:
    """Name -> statement of every table and index, white space aside."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).all()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


class TestSchema:
    def test_migrations_build_what_the_code_expects(self, store: Store) -> None:
        with store.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_to_the_letter_on_sqlite(self, sqlite_url: str, tmp_path: Path) -> None:
        # compare_metadata sees neither STRICT and WITHOUT ROWID nor the names of keys.
        created = create_engine(str(tmp_path / "created.db"))
        with write_transaction(created) as connection:
            metadata.create_all(connection)
        with open_store(sqlite_url) as store:
            assert sqlite_ddl(store.engine) == sqlite_ddl(created)
        created.dispose()

    def test_layer_costs_have_no_row_numbers_and_all_tables_are_strict(
        self, sqlite_url: str
    ) -> None:
        with open_store(sqlite_url) as store:
            statements = sqlite_ddl(store.engine)
        assert "WITHOUT ROWID" in statements["layer_cost"]
        tables = [text for text in statements.values() if text.startswith("CREATE TABLE")]
        assert len(tables) == 12
        assert all(text.endswith("STRICT") for text in tables)

    def test_every_constraint_has_a_name(self, store: Store) -> None:
        inspector = inspect(store.engine)
        for table in metadata.tables:
            constraints = [
                inspector.get_pk_constraint(table),
                *inspector.get_foreign_keys(table),
                *inspector.get_unique_constraints(table),
            ]
            assert all(constraint["name"] for constraint in constraints), table

    def test_only_current_analyses_are_unique(self, store: Store) -> None:
        (index,) = (
            index
            for index in inspect(store.engine).get_indexes("analysis")
            if index["name"] == "uq_analysis_current"
        )
        assert index["unique"]
        where = str(index["dialect_options"][f"{store.backend}_where"])
        assert where.strip("()").lower() == "replaced_at is null"

    def test_numbers_have_64_bits(self, store: Store) -> None:
        kinds = {
            str(column["type"])
            for table in metadata.tables
            for column in inspect(store.engine).get_columns(table)
        }
        whole = {"INTEGER"} if store.backend == "sqlite" else {"BIGINT", "BOOLEAN"}
        assert kinds - {"TEXT", "BLOB", "BYTEA", "TIMESTAMP"} == whole

    def test_the_revisions_that_the_code_knows_are_those_of_the_folder(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.set_main_option("path_separator", "os")
        script = ScriptDirectory.from_config(config)
        assert tuple(step.revision for step in script.walk_revisions())[::-1] == REVISIONS
        assert script.get_heads() == [HEAD]


class TestState:
    def test_from_empty_to_current(self, engine: Engine) -> None:
        assert inspect_schema(engine).state is SchemaState.EMPTY
        assert upgrade(engine) is None
        assert inspect_schema(engine) == migrations.Schema(SchemaState.CURRENT, HEAD, HEAD)
        assert upgrade(engine) is None

    def test_current_is_one_select(self, store: Store) -> None:
        from sqlalchemy import event

        statements: list[str] = []
        event.listen(
            store.engine, "before_cursor_execute", lambda *rest: statements.append(rest[2])
        )
        inspect_schema(store.engine)
        statements = [entry for entry in statements if entry != "BEGIN"]
        assert statements == ["SELECT version_num FROM alembic_version"]

    def test_newer_is_refused(self, store: Store, add: Add, database_url: str) -> None:
        add("v1")
        with write_transaction(store.engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for attempt in (open_store, upgrade_store):
            with pytest.raises(SchemaMismatch) as caught:
                attempt(database_url)
            assert "has schema 9999" in caught.value.message
            assert caught.value.hint == "pip install --upgrade costdb"

    def test_older_than_the_first_is_refused(
        self, store: Store, add: Add, database_url: str
    ) -> None:
        add("v1")
        with write_transaction(store.engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        before = contents(store.engine)
        for attempt in (open_store, upgrade_store):
            with pytest.raises(SchemaMismatch) as caught:
                attempt(database_url)
            assert "has schema 0000, which is too old" in caught.value.message
            assert "costdb db upgrade" in caught.value.hint
        assert contents(store.engine) == before

    def test_another_programs_tables_are_refused(self, engine: Engine) -> None:
        with write_transaction(engine) as connection:
            connection.execute(text("CREATE TABLE bookmark (id INTEGER)"))
        with pytest.raises(SchemaMismatch, match="another program"):
            upgrade(engine)
        assert inspect(engine).get_table_names() == ["bookmark"]


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make this program the next one."""
    for function in (inspect_schema, upgrade):
        defaults = [
            NEXT_REVISIONS if value is REVISIONS else value for value in function.__defaults__ or ()
        ]
        monkeypatch.setattr(function, "__defaults__", tuple(defaults))
    monkeypatch.setattr(migrations, "migrations_folder", lambda: folder)


class TestUpgrade:
    def test_a_populated_database_keeps_everything(
        self, store: Store, add: Add, next_folder: Callable[..., Path]
    ) -> None:
        add("v1")
        add("v2", width=16)
        with write_transaction(store.engine) as connection:
            model_id, version_id = connection.execute(
                select(schema.version.c.model_id, schema.version.c.id)
            ).first()  # type: ignore[misc] # there are two
            connection.execute(
                insert(schema.alias).values(
                    model_id=model_id, name="prod", version_id=version_id, updated_at=NOW
                )
            )
        before = contents(store.engine)
        folder = next_folder()

        upgrade(store.engine, NEXT_REVISIONS, folder)

        assert inspect_schema(store.engine, NEXT_REVISIONS).state is SchemaState.CURRENT
        assert "owner" in {column["name"] for column in inspect(store.engine).get_columns("model")}
        assert contents(store.engine) == before
        downgrade(store.engine, HEAD, folder)
        assert inspect_schema(store.engine).state is SchemaState.CURRENT
        assert contents(store.engine) == before
        stored = version_cost(store.engine, resolve(store.engine, "detector"))
        assert stored.cost == analysis(width=16).cost
        assert add("v3").ordinal == 3 * 1024

    def test_down_and_up_again(self, store: Store, add: Add) -> None:
        add("v1")
        downgrade(store.engine, "base")
        assert set(inspect(store.engine).get_table_names()) == {"alembic_version"}
        assert inspect_schema(store.engine).state is SchemaState.EMPTY
        upgrade(store.engine)
        assert add("v1").ordinal == 1024

    def test_foreign_keys_are_on_again_afterwards(
        self, sqlite_url: str, next_folder: Callable[..., Path]
    ) -> None:
        with open_store(sqlite_url) as store:
            upgrade(store.engine, NEXT_REVISIONS, next_folder())
            with store.engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1

    @pytest.mark.parametrize(
        "more",
        [
            pytest.param('op.execute("DELETE FROM model")', id="orphans"),
            pytest.param('raise RuntimeError("half way")', id="error"),
        ],
    )
    def test_a_migration_that_goes_wrong_changes_nothing(
        self, store: Store, add: Add, next_folder: Callable[..., Path], more: str
    ) -> None:
        add("v1")
        before = contents(store.engine)
        with pytest.raises(Exception, match=r"foreign key|half way"):
            upgrade(store.engine, NEXT_REVISIONS, next_folder(more))
        assert contents(store.engine) == before
        assert inspect_schema(store.engine).revision == HEAD
        assert "owner" not in {c["name"] for c in inspect(store.engine).get_columns("model")}

    def test_a_local_file_is_upgraded_by_itself_after_a_copy(
        self,
        tmp_path: Path,
        next_folder: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / "costs.db"
        with open_store(str(path)) as store:
            ingest(store.engine, [analysis()], model="m", tag="v1", now=NOW)
        use(monkeypatch, next_folder())

        with open_store(str(path), create=False) as store:
            (note,) = store.notes
            assert f"from schema {HEAD} to next" in note
            assert resolve(store.engine, "m").tag == "v1"
            # The program that made it is refused from now on.
            assert inspect_schema(store.engine, REVISIONS).state is SchemaState.NEWER

        copies = [entry for entry in tmp_path.iterdir() if entry.name.startswith("costs.db.")]
        assert [entry.name for entry in copies] == [f"costs.db.schema-{HEAD}.backup"]
        assert copies[0].name in note
        monkeypatch.undo()
        with open_store(str(copies[0]), create=False) as store:
            assert resolve(store.engine, "m").tag == "v1"

    def test_without_data_there_is_no_copy(
        self,
        sqlite_url: str,
        tmp_path: Path,
        next_folder: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        open_store(sqlite_url).close()
        use(monkeypatch, next_folder())
        with open_store(sqlite_url) as store:
            assert store.notes == ()
        assert [entry.name for entry in tmp_path.glob("costs.db*")] == ["costs.db"]

    def test_postgresql_is_upgraded_only_when_asked(
        self,
        postgresql_url: str,
        next_folder: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        upgrade_store(postgresql_url)
        use(monkeypatch, next_folder())
        with pytest.raises(SchemaMismatch) as caught:
            open_store(postgresql_url)
        assert f"has schema {HEAD}, this program needs next" in caught.value.message
        assert caught.value.hint == "costdb db upgrade"
        assert upgrade_store(postgresql_url).before == HEAD
        open_store(postgresql_url).close()

    def test_another_upgrade_is_waited_for_but_not_for_ever(
        self, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.2)
        engine = create_engine(postgresql_url)
        with migrations._upgrade_lock(engine), pytest.raises(DatabaseUnavailable, match="locked"):
            upgrade_store(postgresql_url)
        upgrade_store(postgresql_url)
        engine.dispose()


def contents(engine: Engine) -> dict[str, list[object]]:
    """Every row of every table, in the columns that this program knows."""
    with read_transaction(engine) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table)).all()]
            for table in metadata.sorted_tables
        }


class TestBackUp:
    def test_it_is_complete_while_others_write(self, tmp_path: Path) -> None:
        path, copy = tmp_path / "costs.db", tmp_path / "copy.db"
        with open_store(str(path)) as store:
            ingest(store.engine, [analysis()], model="m", tag="v1", now=NOW)
            with write_transaction(store.engine) as connection:
                connection.execute(
                    insert(schema.model).values(
                        slug="unfinished", description="", former_names="[]", created_at=NOW
                    )
                )
                other = create_engine(str(path))
                back_up(other, copy)
                other.dispose()
        with open_store(str(copy), create=False) as store:
            assert contents(store.engine)["version"]
            with read_transaction(store.engine) as connection:
                count = connection.scalar(select(func.count()).select_from(schema.model))
            assert count == 1
        assert [entry.name for entry in tmp_path.glob("*.part")] == []

    def test_where_it_cannot_be_written(self, tmp_path: Path) -> None:
        path = tmp_path / "costs.db"
        with open_store(str(path)) as store, pytest.raises(CostdbError):
            back_up(store.engine, tmp_path / "absent" / "copy.db")


def test_running_alembic_by_itself_says_what_to_do() -> None:
    from alembic import command
    from alembic.util import CommandError

    config = Config(str(migrations_folder() / "alembic.ini"))
    with pytest.raises(CommandError, match="costdb db upgrade"):
        command.upgrade(config, "head")


def test_the_template_makes_a_revision(tmp_path: Path) -> None:
    from alembic import command

    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = Config(str(folder / "alembic.ini"), stdout=io.StringIO())
    command.revision(config, "add owners", rev_id="next")
    made = folder / "versions" / "next_add_owners.py"
    assert f'down_revision = "{HEAD}"' in made.read_text().replace("'", '"')
    compile(made.read_text(), made, "exec")


def test_sqlite_is_new_enough() -> None:
    # STRICT came with 3.37: sqlite.org/stricttables.html.
    assert sqlite3.sqlite_version_info >= (3, 37)
