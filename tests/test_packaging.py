"""The wheels work where they are installed: migrations, config and plugins are found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = [ROOT, *sorted((ROOT / "plugins").iterdir())]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of the core and of every plugin, and nothing else of costdb."""
    wheels, target = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels)]
    subprocess.run([*build, *map(str, DISTRIBUTIONS)], check=True, capture_output=True)
    install = [*pip, "install", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, *map(str, sorted(wheels.iterdir()))], check=True, capture_output=True)
    return target


def run(installed: Path, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    environment["COSTDB_URL"] = str(folder / "costs.db")
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, "-c", "import costdb; print(costdb.__file__)")
    assert Path(where.strip()).is_relative_to(installed)


def test_migrations_and_config_are_found_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = (
        "from costdb import settings; print(settings.migrations_folder(), settings.config_folder())"
    )
    for folder in run(installed, tmp_path, "-c", code).split():
        assert Path(folder).is_relative_to(installed)


def test_the_plugins_are_found(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "-m", "costdb", "plugins", "--format", "csv")
    assert [row.split(",")[0] for row in listed.splitlines()[1:]] == [
        path.name.removeprefix("costdb-") for path in DISTRIBUTIONS[1:]
    ]


def test_a_model_is_ingested_and_judged_by_the_default_policy(
    installed: Path, tmp_path: Path
) -> None:
    from builders import onnx_models

    onnx_models.save_conv(tmp_path / "net.onnx", (1, 3, 8, 8), (4, 3, 3, 3))
    run(installed, tmp_path, "-m", "costdb", "ingest", "net.onnx", "--tag", "v1")
    assert "no earlier version" in run(installed, tmp_path, "-m", "costdb", "check", "net")
    page = run(installed, tmp_path, "-m", "costdb", "check", "net", "--format", "html")
    assert page.startswith("<!DOCTYPE html>")


def test_the_ready_jobs_are_in_the_wheel(installed: Path) -> None:
    shipped = installed / "costdb/_shipped/config"
    for folder in ("nightly", "pull-request", "server"):
        names = {path.name for path in (ROOT / "config" / folder).iterdir()}
        assert {path.name for path in (shipped / folder).iterdir()} == names


def test_a_checkout_finds_its_own_migrations_and_config() -> None:
    from costdb import settings

    assert settings.migrations_folder() == ROOT / "migrations"
    assert settings.config_folder() == ROOT / "config"
