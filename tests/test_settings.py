"""Environment, costdb.toml, and what ships beside the code."""

import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from costdb.binding import Binding
from costdb.errors import ConfigurationError, UsageError
from costdb.limits import Limits
from costdb.settings import (
    OperatingPoint,
    Settings,
    config_folder,
    load_settings,
    migrations_folder,
)
from costdb.store.schema import REVISIONS

REPOSITORY = Path(__file__).parents[1]

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes costdb.toml, returns its folder."""

    def write_file(content: str) -> Path:
        (tmp_path / "costdb.toml").write_text(content, encoding="utf-8")
        return tmp_path

    return write_file


def load(folder: Path, database: str | None = None, **environment: str) -> Settings:
    return load_settings(database, environment=environment, folder=folder)


class TestDatabase:
    @pytest.mark.parametrize(
        ("argument", "environment", "toml", "expected"),
        [
            pytest.param("a.db", "b.db", "c.db", "sqlite:///{}/a.db", id="--db first"),
            pytest.param(None, "b.db", "c.db", "sqlite:///{}/b.db", id="then COSTDB_URL"),
            pytest.param(None, "", "c.db", "sqlite:///{}/c.db", id="then costdb.toml"),
            pytest.param("/x/a.db", "", "c", "sqlite:////x/a.db", id="absolute path"),
            pytest.param("sqlite:///a.db", "", "c", "sqlite:///{}/a.db", id="relative URL"),
            pytest.param("sqlite:////x/a.db", "", "c", "sqlite:////x/a.db", id="absolute URL"),
            pytest.param("postgresql://u:p@h/d", "", "c", "postgresql://u:p@h/d", id="server"),
            pytest.param(None, "postgres://h/d?x=1", "c", "postgres://h/d?x=1", id="with query"),
        ],
    )
    def test_order_and_forms(
        self,
        write: Write,
        argument: str | None,
        environment: str,
        toml: str,
        expected: str,
    ) -> None:
        folder = write(f'[database]\nurl = "{toml}"')
        found = load(folder, argument, COSTDB_URL=environment).database
        assert found == expected.format(folder)

    def test_a_path_in_the_file_starts_at_the_file(self, write: Write) -> None:
        folder = write('[database]\nurl = "data/costs.db"')
        (folder / "sub").mkdir()
        assert load(folder / "sub").database == f"sqlite:///{folder}/data/costs.db"

    def test_the_users_data_folder_otherwise(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", "/home/ada/.data")
        assert load(tmp_path).database == "sqlite:////home/ada/.data/costdb/costdb.db"

    def test_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/ada")
        assert load(tmp_path, "~/costs.db").database == "sqlite:////home/ada/costs.db"

    def test_what_names_no_database(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            load(tmp_path, "")
        for text in ("a?b.db", "sqlite:///"):
            with pytest.raises(ConfigurationError):
                load(tmp_path, text)


class TestFile:
    def test_found_from_below(self, write: Write) -> None:
        folder = write("")
        below = folder / "a" / "b"
        below.mkdir(parents=True)
        assert load(below).file == folder / "costdb.toml"

    @pytest.mark.parametrize("kind", ["folder", "file"])
    def test_not_beyond_the_repository(self, write: Write, kind: str) -> None:
        folder = write("")
        repository = folder / "repository"
        (repository / "sub").mkdir(parents=True)
        # In a worktree, .git is a file.
        git = repository / ".git"
        git.mkdir() if kind == "folder" else git.touch()
        assert load(repository / "sub").file is None
        (repository / "costdb.toml").touch()
        assert load(repository / "sub").file == repository / "costdb.toml"

    def test_named_by_the_environment(self, write: Write, tmp_path: Path) -> None:
        folder = write("[database\n")
        (tmp_path / "other.toml").write_text('[database]\nurl = "x.db"')
        assert load(folder, COSTDB_CONFIG="other.toml").database == f"sqlite:///{folder}/x.db"
        with pytest.raises(ConfigurationError, match="no settings file"):
            load(folder, COSTDB_CONFIG="absent.toml")

    def test_models_and_points(self, write: Write) -> None:
        folder = write(
            """
            [models.detector]
            file = "build/*.onnx"
            [models.detector.points.default]
            [models.detector.points.b32]
            dim.batch = 32
            input.x = "1x3x224x224"
            input.ids = "1x128:int64"
            input.rate = 16_000
            input.gain = 0.5
            input.flag = true
            trip.loop = 10
            output = ["logits", "boxes"]
            """
        )
        detector = load(folder).models["detector"]
        assert (detector.name, detector.file) == ("detector", "build/*.onnx")
        assert list(detector.points) == ["default", "b32"]
        point = detector.points["b32"]
        assert point == OperatingPoint(
            inputs=("x=1x3x224x224", "ids=1x128:int64", "rate:=16000", "gain:=0.5", "flag:=true"),
            dims=("batch=32",),
            trips=("loop=10",),
            outputs=("logits", "boxes"),
        )
        binding = Binding.parse(
            inputs=point.inputs, dims=point.dims, trips=point.trips, outputs=point.outputs
        )
        assert binding.inputs["flag"].value is True
        assert binding.inputs["x"].shape == (1, 3, 224, 224)

    @pytest.mark.parametrize("text", ["[[policy.rules]]\nanything = [1]", "policy = 3"])
    def test_a_policy_is_left_to_those_who_need_it(self, write: Write, text: str) -> None:
        assert load(write(text)).has_policy
        assert not load(write("[database]")).has_policy

    @pytest.mark.parametrize(
        ("content", "message", "hint"),
        [
            pytest.param("[databse]", "databse is not", "did you mean 'database'?", id="table"),
            pytest.param(
                "[x]", "x is not a setting", "database, limits, models, policy", id="list"
            ),
            pytest.param("[database]\nurll = ''", "database.urll", "'url'", id="key"),
            pytest.param("[database]\nurl = 5", "database.url is the number 5", "url =", id="type"),
            pytest.param(
                "[database]\nurl = ''", "database.url is the text ''", "url =", id="empty"
            ),
            pytest.param("models = 5", "models is the number 5", "[models]", id="no table"),
            pytest.param("[models.a]\nflie = ''", "models.a.flie", "'file'", id="in a model"),
            pytest.param('[models."a b"]\nx = 1', 'models."a b".x', "file, points", id="quoted"),
            pytest.param(
                "[models.a.points.p]\ndims.x = 1",
                "models.a.points.p.dims",
                "'dim'",
                id="in a point",
            ),
            pytest.param(
                "[models.a.points.p]\ndim.x = 1.5",
                "models.a.points.p.dim.x is the number 1.5",
                "whole number",
                id="fraction",
            ),
            pytest.param(
                "[models.a.points.p]\ntrip.x = true", "trip.x is true", "whole number", id="flag"
            ),
            pytest.param(
                "[models.a.points.p]\ninput.x = 'axb'", "input.x is the text", "224", id="shape"
            ),
            pytest.param(
                "[models.a.points.p]\ninput.x = [1, 3]", "input.x is a list", "224", id="shape list"
            ),
            pytest.param(
                "[models.a.points.p]\noutput = 'y'", "p.output is not a list", "[", id="output"
            ),
            pytest.param("[limits]\ndisk = 1", "limits.disk is not", "cpu, memory", id="limit"),
            pytest.param(
                "[limits]\ncpu = '4 GiB'", "limits.cpu is the text '4 GiB', no", "300 s", id="unit"
            ),
            pytest.param(
                "[limits]\ntime = 0", "limits.time is the number 0", "10 min", id="no time"
            ),
            pytest.param(
                "[limits]\ncpu = true", "limits.cpu is true", "10 min", id="flag as limit"
            ),
            pytest.param("[limits]\ncpu = 1.5", "limits.cpu is the number 1.5", "s", id="half"),
            pytest.param(
                "limits = 'none'", "limits is the text 'none'", "[limits]", id="no limits"
            ),
            pytest.param("[database\n", "is not valid TOML", "toml.io", id="syntax"),
            pytest.param("x = " + "[" * 5000, "is not valid TOML", "toml.io", id="deep"),
            pytest.param("trust = true", "trust cannot be given", "--trust", id="trust"),
            pytest.param(
                "[models.a]\ntrust = true", "models.a.trust cannot", "--trust", id="trust a"
            ),
            pytest.param(
                "[models.a.points.p]\ntrust = 1", "points.p.trust cannot", "--trust", id="trust p"
            ),
        ],
    )
    def test_mistakes(self, write: Write, content: str, message: str, hint: str) -> None:
        folder = write(content)
        with pytest.raises(ConfigurationError) as caught:
            load(folder)
        assert caught.value.message.startswith(str(folder / "costdb.toml"))
        assert message in caught.value.message
        assert hint in caught.value.hint

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            ("[database]\nurl = 5", 2),
            ("# words\n\n[databse]", 3),
            ("[models.a]\n[models.a.points.p]\n\ninput.x = [\n1]", 4),
            ("[limits]\nmemory = '4 GiB'\ncpu = '300 x'", 3),
        ],
        ids=["key", "table", "dotted", "limit"],
    )
    def test_a_mistake_is_named_by_its_line(self, write: Write, content: str, line: int) -> None:
        folder = write(content)
        with pytest.raises(ConfigurationError) as caught:
            load(folder)
        assert caught.value.message.startswith(f"{folder / 'costdb.toml'}:{line}: ")

    @pytest.mark.parametrize(
        ("content", "limits"),
        [
            ("", ()),
            ("[limits]", ()),
            ("[limits]\nmemory = '4 GiB'\ntime = 600", ("memory=4 GiB", "time=600")),
            ("[limits]\ncpu = 'none'", ("cpu=none",)),
        ],
    )
    def test_limits_are_as_they_would_be_typed(
        self, write: Write, content: str, limits: tuple[str, ...]
    ) -> None:
        assert load(write(content)).limits == limits

    def test_where_it_cannot_be_looked_for_nobody_knows_it(self, tmp_path: Path) -> None:
        """As in a folder of somebody else's; this name is refused to everybody."""
        with pytest.raises(ConfigurationError, match=r"cannot be searched for costdb\.toml"):
            load(tmp_path / ("x" * 300))

    def test_what_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "costdb.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigurationError, match="not valid TOML"):
            load(tmp_path)
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load(tmp_path, COSTDB_CONFIG=str(tmp_path))


class TestModelFor:
    @pytest.fixture
    def settings(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> Settings:
        folder = write(
            """
            [models.detector]
            file = "build/detector-*.onnx"
            [models.speech]
            file = "./exports/**/speech.pb"
            [models.remote]
            file = "s3://bucket/*/model.onnx"
            [models.made]
            file = "package.models:build"
            [models.both]
            file = "build/detector-x.onnx"
            [models.none]
            """
        )
        (folder / "sub").mkdir()
        monkeypatch.chdir(folder / "sub")
        return load(folder / "sub")

    @pytest.mark.parametrize(
        ("location", "name"),
        [
            ("../build/detector-v1.onnx", "detector"),
            ("../build/deep/detector-v1.onnx", None),
            ("build/detector-v1.onnx", None),
            ("../exports/speech.pb", "speech"),
            ("../exports/2026/03/speech.pb", "speech"),
            ("../exports/speech.pb.bak", None),
            ("s3://bucket/v7/model.onnx", "remote"),
            ("s3://bucket/v7/8/model.onnx", None),
        ],
    )
    def test_the_glob_decides(self, settings: Settings, location: str, name: str | None) -> None:
        found = settings.model_for(location)
        assert (found and found.name) == name

    def test_absolute_paths(self, settings: Settings) -> None:
        assert settings.file is not None
        found = settings.model_for(str(settings.file.parent / "build" / "detector-1.onnx"))
        assert found is not None

    def test_two_models_with_one_file(self, settings: Settings) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings.model_for("../build/detector-x.onnx")
        assert "detector and both" in caught.value.message
        assert "--model detector" in caught.value.hint

    def test_without_a_file_there_are_no_models(self) -> None:
        assert Settings("x").model_for("build/detector-v1.onnx") is None

    def test_a_python_object(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = write('[models.made]\nfile = "package.models:build"')
        monkeypatch.chdir(folder)
        found = load(folder).model_for("package.models:build")
        assert found is not None


class TestEnvironment:
    @pytest.mark.parametrize(("value", "color"), [("1", False), ("", True), ("0", False)])
    def test_no_color(self, tmp_path: Path, value: str, color: bool) -> None:  # noqa: FBT001 - a row
        assert load(tmp_path, NO_COLOR=value).color is color

    def test_a_server_and_its_secret_token(self, tmp_path: Path) -> None:
        environment = {"COSTDB_SERVER": "https://costs.example", "COSTDB_TOKEN": "s3cret"}
        settings = load(tmp_path, **environment)
        assert (settings.server, settings.token) == ("https://costs.example", "s3cret")
        assert "s3cret" not in repr(settings)
        assert "s3cret" not in repr(load(tmp_path, "postgresql://ada:s3cret@db/costs"))
        assert (load(tmp_path).server, load(tmp_path).token) == (None, None)

    def test_where_a_job_summary_goes(self, tmp_path: Path) -> None:
        assert load(tmp_path, GITHUB_STEP_SUMMARY="/tmp/x").job_summary == Path("/tmp/x")  # noqa: S108 - a name
        assert load(tmp_path, GITHUB_STEP_SUMMARY="").job_summary is None

    def test_trust_never_comes_from_it(self, tmp_path: Path) -> None:
        assert load(tmp_path, COSTDB_TRUST="1") == load(tmp_path)

    def test_settings_can_be_sent_to_another_process(self, write: Write) -> None:
        settings = load(write('[[policy.rules]]\nmetric = "macs"\n[models.a.points.b]\ndim.n = 1'))
        assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own


class TestShippedFolders:
    def test_in_a_checkout(self) -> None:
        assert migrations_folder() == REPOSITORY / "migrations"
        assert config_folder() == REPOSITORY / "config"

    def test_in_a_wheel(self, tmp_path: Path) -> None:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
        subprocess.run(
            [*build, "--outdir", str(tmp_path), str(REPOSITORY)], check=True, capture_output=True
        )
        (wheel,) = tmp_path.glob("*.whl")
        wheel_folder = tmp_path / "site"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(wheel_folder)
        # A stranger's package of that name lies beside it.
        (wheel_folder / "migrations").mkdir()
        code = (
            "from costdb.settings import migrations_folder, config_folder\n"
            "from costdb.store import open_store\n"
            "print(migrations_folder(), config_folder())\n"
            f"print(open_store({str(tmp_path / 'costs.db')!r}).revision)"
        )
        environment = os.environ | {"PYTHONPATH": str(wheel_folder)}
        said = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        shipped = wheel_folder / "costdb" / "_shipped"
        assert said == [str(shipped / "migrations"), str(shipped / "config"), REVISIONS[-1]]
        assert (shipped / "config" / "costdb.toml").is_file()

    def test_nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("costdb.settings.__file__", str(tmp_path / "costdb" / "settings.py"))
        with pytest.raises(ConfigurationError, match="no migrations folder"):
            migrations_folder()


def test_the_example_can_be_read() -> None:
    environment = {"COSTDB_CONFIG": str(config_folder() / "costdb.toml")}
    settings = load_settings(environment=environment)
    assert list(settings.models) == ["detector", "speech"]
    assert settings.has_policy
    assert Limits.parse(settings.limits) == Limits()  # as its comment says
    for model in settings.models.values():
        for point in model.points.values():
            Binding.parse(inputs=point.inputs, dims=point.dims, trips=point.trips)


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys, costdb.settings; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"pydantic", "tomllib", "platformdirs", "difflib", "sqlalchemy"} & set(loaded)
