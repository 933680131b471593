"""What the log and the metrics say of requests."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from costdb.server.configuration import LogFormat
from costdb.server.operations.log import FIELDS, configure_log, logger
from costdb.store.records import TokenScope

MakeClient = Callable[..., TestClient]
MakeToken = Callable[..., str]


def samples(client: TestClient, name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric, by its labels."""
    text = client.get("/metrics").text
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


@pytest.fixture
def noted(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """What was logged of each request."""
    caplog.set_level(logging.INFO, "costdb.server")

    def fields() -> list[dict[str, Any]]:
        return [getattr(record, FIELDS) for record in caplog.records if record.msg == "request"]

    return fields


class TestTheLog:
    def test_a_request(self, client: MakeClient, token: MakeToken, noted: Any) -> None:
        text = token("ci", TokenScope.INGEST)
        answer = client(open_reading=False).get(
            "/api/v1/models?token=hidden", headers={"authorization": f"Bearer {text}"}
        )
        (line,) = noted()
        assert line.pop("milliseconds") > 0
        assert line == {
            "request": answer.headers["x-request-id"],
            "method": "GET",
            "route": "/api/v1/models",
            "path": "/api/v1/models",
            "status": 200,
            "token": "ci",
            "client": "192.0.2.1",
        }

    def test_no_token_and_no_query(
        self, client: MakeClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        made = client(open_reading=False)
        made.get("/api/v1/models?q=queried", headers={"authorization": "Bearer costdb_shown"})
        made.get("/api/v1/models", headers={"cookie": "costdb_token=costdb_shown"})
        ours = [record for record in caplog.records if record.name.startswith("costdb")]
        assert len(ours) == 2
        said = "".join(str(vars(record)) for record in ours)
        assert "shown" not in said
        assert "queried" not in said

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            pytest.param("proxy-7.a_B", True, id="a number"),
            pytest.param("a" * 65, False, id="too long"),
            pytest.param("x\x1b[31m", False, id="a command for a terminal"),
            pytest.param("", False, id="none"),
        ],
    )
    def test_a_proxy_numbers_requests(self, sent: str, client: MakeClient, *, kept: bool) -> None:
        answer = client().get("/healthz", headers={"x-request-id": sent})
        assert (answer.headers["x-request-id"] == sent) is kept
        assert re.fullmatch(r"[\w.-]{1,64}", answer.headers["x-request-id"])

    def test_probes_are_not_worth_a_line(self, client: MakeClient, noted: Any) -> None:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client().get(path).status_code == 200
        assert noted() == []

    def test_a_bug_is_told_to_the_log_alone(
        self, client: MakeClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = client().get("/bug")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert answer.headers["x-request-id"] in answer.json()["hint"]
        (record,) = (record for record in caplog.records if record.exc_info)
        assert getattr(record, FIELDS)["request"] == answer.headers["x-request-id"]


HOSTILE = "/\x1b[31m\n::error::x ##[group]\u202e" + "y" * 500


class TestItsLines:
    @pytest.fixture
    def say(
        self,
        capsys: pytest.CaptureFixture[str],
        own_log: None,  # noqa: ARG002 - used for what it does
    ) -> Any:
        """Logs something, and returns what is printed."""

        def printed(log_format: LogFormat, message: str, **fields: Any) -> str:
            configure_log(log_format)
            error = ValueError(HOSTILE)
            logger.error(message, exc_info=error, extra={FIELDS: fields})
            return capsys.readouterr().err

        return printed

    def test_json(self, say: Any) -> None:
        text = say(LogFormat.JSON, "request", path=HOSTILE, status=404, token=None)
        assert text.isascii()
        assert text.count("\n") == 1
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
        line = json.loads(text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert (line["level"], line["message"], line["status"]) == ("error", "request", 404)
        assert line["path"] == HOSTILE
        assert "ValueError" in line["exception"]

    def test_text(self, say: Any) -> None:
        text = say(LogFormat.TEXT, "request", path=HOSTILE, status=404, token=None)
        first, *trace = text.splitlines()
        assert re.match(r'\S+Z ERROR   request path="/\\x1b\[31m\\x0a', first)
        assert "status=404" in first
        assert "token" not in first
        for line in (first, *trace):
            assert line.isprintable()
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
        assert any("ValueError" in line for line in trace)

    @pytest.mark.parametrize(
        ("path", "written"),
        [
            pytest.param("/models", "/models", id="one word"),
            pytest.param("/ status=200", '"/ status=200"', id="a space"),
            pytest.param('/" status=200', r'"/\" status=200"', id="a quote"),
            pytest.param('/\\" x', r'"/\\\" x"', id="a backslash before it"),
            pytest.param("/\u2003x", '"/\u2003x"', id="another kind of space"),
        ],
    )
    def test_a_value_makes_up_no_other(self, path: str, written: str, say: Any) -> None:
        first, *_ = say(LogFormat.TEXT, "request", path=path, status=404).splitlines()
        assert first.endswith(f" request path={written} status=404")


class TestMetrics:
    def test_requests_are_counted_by_template_and_status(self, client: MakeClient) -> None:
        made = client()
        for path in ("/api/v1/models", "/api/v1/models", "/a", "/b"):
            made.get(path)
        made.request("HACK", "/c")
        counted = samples(made, "costdb_requests_total")
        assert counted["GET", "/api/v1/models", "200"] == 2
        # One series for all that no route is for, whatever strangers ask.
        assert counted["GET", "none", "404"] == 2
        assert counted["other", "none", "404"] == 1
        latency = samples(made, "costdb_request_seconds_count")
        assert latency["GET", "/api/v1/models"] == 2

    def test_connections_are_counted(self, client: MakeClient) -> None:
        made = client()
        made.get("/api/v1/models")
        counted = samples(made, "costdb_database_connections")
        assert counted["in use",] == 0
        assert counted["idle",] >= 1

    def test_who_may_read_may_read_them(self, client: MakeClient, token: MakeToken) -> None:
        made = client(open_reading=False)
        assert made.get("/metrics").status_code == 401
        bearer = {"authorization": f"Bearer {token('prometheus')}"}
        assert made.get("/metrics", headers=bearer).status_code == 200
