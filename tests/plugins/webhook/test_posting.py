"""Posting to a URL that is a secret."""

import pytest
from builders.webhook import Hook

from costdb.plugins import PluginError
from costdb_webhook.posting import post

AT_ONCE = (0.0, 0.0)


def refusal(url: str) -> str:
    with pytest.raises(PluginError) as raised:
        post(url, {}, AT_ONCE)
    assert "S3CRET" not in f"{raised.value.message} {raised.value.hint} {raised.value!r}"
    assert raised.value.__cause__ is None
    return raised.value.message


def test_an_object_is_posted_as_json(hook: Hook) -> None:
    post(hook.url, {"text": "é <x>", "number": 2**63}, AT_ONCE)
    assert hook.bodies == [{"text": "é <x>", "number": 2**63}]
    assert hook.headers[0]["Content-Type"] == "application/json"
    assert hook.paths == ["/services/S3CRET"]


@pytest.mark.parametrize("busy", [429, 500, 503])
def test_a_busy_server_is_tried_again(hook: Hook, busy: int) -> None:
    hook.answers = [busy, busy]
    post(hook.url, {}, AT_ONCE)
    assert len(hook.bodies) == 3


def test_it_is_tried_three_times_and_no_more(hook: Hook) -> None:
    hook.answers = [503] * 9
    assert refusal(hook.url) == "127.0.0.1 did not take the message: it answered 503"
    assert len(hook.bodies) == 3


@pytest.mark.parametrize("code", [400, 403, 404, 410])
def test_a_refusal_is_final(hook: Hook, code: int) -> None:
    hook.answers = [code] * 9
    assert refusal(hook.url) == f"127.0.0.1 did not take the message: it answered {code}"
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(hook: Hook, code: int) -> None:
    hook.answers = [code]
    assert refusal(hook.url).endswith(f"it answered {code}")
    assert hook.paths == ["/services/S3CRET"]


def test_a_proxy_is_not_told_of_this_machine(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    post(hook.url, {}, AT_ONCE)
    assert len(hook.bodies) == 1


def test_no_server_is_said_without_the_address() -> None:
    assert refusal("http://127.0.0.1:9/S3CRET") == (
        "127.0.0.1 did not take the message: ConnectionRefusedError"
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        pytest.param("", "COSTDB_WEBHOOK_URL is not set", id="none"),
        pytest.param("http://h.example/S3CRET", "COSTDB_WEBHOOK_URL is not https", id="http"),
        pytest.param("http://10.0.0.1/S3CRET", "COSTDB_WEBHOOK_URL is not https", id="private"),
        pytest.param("http://localhost.example/S3CRET", "COSTDB_WEBHOOK_URL is not https",
                     id="looks local"),
        pytest.param("file:///etc/S3CRET", "COSTDB_WEBHOOK_URL is no URL", id="file"),
        pytest.param("ftp://127.0.0.1/S3CRET", "COSTDB_WEBHOOK_URL is not https", id="ftp"),
        pytest.param("S3CRET", "COSTDB_WEBHOOK_URL is no URL", id="no scheme"),
        pytest.param("https://h.example:x/S3CRET", "COSTDB_WEBHOOK_URL is no URL", id="port"),
        pytest.param("https://[h/S3CRET", "COSTDB_WEBHOOK_URL is no URL", id="brackets"),
        pytest.param("https://h.example/S3CRET x", "COSTDB_WEBHOOK_URL is no URL", id="space"),
        pytest.param("https://h.example/S3CRET\r\nX: y", "COSTDB_WEBHOOK_URL is no URL",
                     id="header"),
        pytest.param("https://h.example/S3CRÉT", "COSTDB_WEBHOOK_URL is no URL", id="letters"),
    ],
)  # fmt: skip
def test_what_is_no_url_to_send_to_is_said_without_it(url: str, problem: str) -> None:
    assert refusal(url) == problem
