"""The ready files in `config/server`: what they run is run, and their readers take them."""

import configparser
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from builders.command_line import Costdb
from builders.serving import serving
from fastapi.testclient import TestClient

from costdb.cli.serve import serve

CONFIG = Path(__file__).parents[3] / "config" / "server"
BINARIES = Path(sys.executable).parent

SHUTDOWN_SECONDS = int(signature(serve).parameters["shutdown_seconds"].default)


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CONFIG / name).read_text()))


def container(document: dict[str, Any]) -> dict[str, Any]:
    (found,) = document["spec"]["template"]["spec"]["containers"]
    return dict(found)


def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have case
    parser.read(CONFIG / "costdb.service")
    return parser["Service"]


def unit_arguments() -> list[str]:
    return service()["ExecStart"].split()[1:]


def deployment_arguments() -> list[str]:
    return list(container(documents("kubernetes.yaml")[0])["args"])


def image_arguments() -> list[str]:
    (line,) = re.findall(r"^CMD (.*)$", (CONFIG / "Containerfile").read_text(), re.MULTILINE)
    return list(json.loads(line))


class TestWhatTheyRun:
    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param(unit_arguments(), id="systemd"),
            pytest.param(deployment_arguments(), id="kubernetes"),
            pytest.param(image_arguments(), id="image"),
        ],
    )
    def test_the_command_takes_it(self, arguments: list[str], costdb: Costdb) -> None:
        assert "--closed" in arguments
        done = costdb(*arguments)
        assert done.code == 1
        assert done.err.startswith("error: there is no database")

    def test_it_serves_and_is_closed(self, database: str) -> None:
        """As in Kubernetes; `TestBehindCaddy` runs what systemd does."""
        _, *arguments = (item for item in deployment_arguments() if "--port" not in item)
        with serving(database, *arguments) as server:
            assert httpx.get(f"{server.url}/readyz", timeout=60).status_code == 200
            assert httpx.get(f"{server.url}/api/v1/models", timeout=60).status_code == 401
            assert all(json.loads(line) for line in server.lines())

    def test_the_job_makes_the_tables(self, costdb: Costdb, tmp_path: Path) -> None:
        (document,) = documents("kubernetes-upgrade.yaml")
        assert costdb(*container(document)["args"]).code == 0
        assert (tmp_path / "costs.db").exists()


class TestKubernetes:
    @pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-upgrade.yaml"])
    def test_it_takes_them(self, name: str) -> None:
        for document in documents(name):
            version = kubernetes_validate.latest_version()
            kubernetes_validate.validate(document, version, strict=True)

    def test_they_belong_together(self) -> None:
        deployment, found, budget = documents("kubernetes.yaml")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        assert found["spec"]["selector"] == labels
        assert budget["spec"]["selector"]["matchLabels"] == labels
        assert budget["spec"]["minAvailable"] < deployment["spec"]["replicas"]
        ports = [port["name"] for port in container(deployment)["ports"]]
        assert [port["targetPort"] for port in found["spec"]["ports"]] == ports
        (job,) = documents("kubernetes-upgrade.yaml")
        for name in ("image", "envFrom", "securityContext"):
            assert container(job)[name] == container(deployment)[name]

    def test_a_pod_is_given_the_time_that_it_takes_to_end(self) -> None:
        deployment = documents("kubernetes.yaml")[0]
        (_, pause) = container(deployment)["lifecycle"]["preStop"]["exec"]["command"]
        given = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert int(pause) + SHUTDOWN_SECONDS < given

    def test_no_secret_is_in_them(self) -> None:
        for document in documents("kubernetes.yaml") + documents("kubernetes-upgrade.yaml"):
            assert document["kind"] != "Secret"
            assert "env" not in document.get("spec", {}).get("template", {}).get("spec", {})


class TestSystemd:
    def test_the_unit_is_given_the_time_that_it_takes_to_end(self) -> None:
        assert int(service()["TimeoutStopSec"]) > SHUTDOWN_SECONDS

    def test_it_writes_where_it_may(self) -> None:
        assert service()["WorkingDirectory"] == f"/var/lib/{service()['StateDirectory']}"
        assert service()["ProtectSystem"] == "strict"

    def test_systemd_takes_it(self, tmp_path: Path) -> None:
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            pytest.skip("there is no systemd")
        unit = tmp_path / "costdb.service"
        text = (CONFIG / "costdb.service").read_text()
        unit.write_text(text.replace("/opt/costdb/bin", str(BINARIES)))
        done = subprocess.run(
            [analyze, "verify", "--man=no", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "costdb" not in done.stderr
        # From 0, nothing is allowed, to 10, everything is.
        done = subprocess.run(
            [analyze, "security", "--offline=yes", "--threshold=20", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


class TestTheGuide:
    GUIDE = (CONFIG.parents[1] / "docs" / "deploy.md").read_text()

    def test_its_flags_are_those_of_the_command(self, costdb: Costdb) -> None:
        help_text = costdb("serve", "--help", COLUMNS="200").out
        named = set(re.findall(r"`(--[a-z-]+)`", self.GUIDE))
        assert {"--max-body", "--body-seconds", "--shutdown-seconds"} <= named
        assert [flag for flag in named if flag not in help_text] == []

    def test_its_metrics_are_those_of_the_server(self, client: Callable[..., TestClient]) -> None:
        made = client()
        made.post("/api/v1/versions", json={})
        text = made.get("/metrics").text
        named = re.findall(r"^\| `(costdb_\w+)` \|", self.GUIDE, re.MULTILINE)
        assert len(named) == 4
        assert [name for name in named if f"# TYPE {name} " not in text] == []


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class TestBehindCaddy:
    def test_it_is_told_who_asks_and_by_what(
        self, database: str, token: Callable[..., str], port: int, tmp_path: Path
    ) -> None:
        secret = token("reader")
        with (
            serving(database, *unit_arguments()[1:]) as server,
            caddy(server.url.removeprefix("http://"), port, tmp_path) as trusted,
            httpx.Client(verify=trusted, timeout=60) as client,
        ):
            answer = client.get(
                f"https://localhost:{port}/api/v1/models",
                headers={
                    "authorization": f"Bearer {secret}",
                    # Whoever says this of themselves is not believed.
                    "x-forwarded-for": "198.51.100.7",
                },
            )
            line = server.line_about(answer)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"]
        assert (line["status"], line["token"], line["client"]) == (200, "reader", "127.0.0.1")


@contextmanager
def caddy(upstream: str, port: int, folder: Path) -> Iterator[ssl.SSLContext]:
    """Run the Caddyfile for this machine alone; what trusts its certificate."""
    text = (CONFIG / "Caddyfile").read_text()
    text = text.replace("costs.example.org {", f"https://localhost:{port} {{\n\ttls internal")
    text = text.replace("127.0.0.1:8765", upstream)
    options = f"{{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}}\n{text}"
    (folder / "Caddyfile").write_text(options)
    process = subprocess.Popen(
        [BINARIES / "caddy", "run", "--config", folder / "Caddyfile"],
        env=os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield until_trusted(port, folder / "caddy/pki/authorities/local/root.crt")
    finally:
        process.terminate()
        process.wait(60)


def until_trusted(port: int, certificate: Path) -> ssl.SSLContext:
    """Wait until what listens at a port shows a certificate that this one vouches for."""
    for _ in range(600):
        with suppress(OSError):
            trusted = ssl.create_default_context(cafile=certificate)
            with (
                socket.create_connection(("localhost", port)) as connection,
                trusted.wrap_socket(connection, server_hostname="localhost"),
            ):
                return trusted
        time.sleep(0.05)
    raise AssertionError("Caddy has not started")
