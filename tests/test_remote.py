"""URLs: read by few requests, with a clear line where a server does not help."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.web_server import WebServer, serving
from hypothesis import given
from hypothesis import strategies as st

from costdb import remote as remote_module
from costdb.errors import ArtifactUnreadable
from costdb.remote import FIRST_FETCH_BYTES
from costdb.source import Source

# No two stretches alike.
CONTENT = b"".join(n.to_bytes(4, "big") for n in range(1 << 16))
FETCH = FIRST_FETCH_BYTES


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("remote") / "model.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def server(file: Path) -> Iterator[WebServer]:
    with serving(file) as running:
        yield running


@pytest.fixture(scope="module")
def steady(file: Path) -> Iterator[Source]:
    with serving(file) as running, Source(running.url("/any.bin")) as source:
        yield source


@given(offset=st.integers(0, len(CONTENT)), length=st.integers(0, len(CONTENT)))
def test_any_range(steady: Source, offset: int, length: int) -> None:
    assert steady.read_at_most(offset, length) == CONTENT[offset : offset + length]


def test_little_is_fetched_at_first_and_more_in_a_row(server: WebServer) -> None:
    with Source(server.url("/model.bin")) as source:
        assert source.size == len(CONTENT)
        assert source.read(0, 8) == CONTENT[:8]
        assert source.read(8, 20) == CONTENT[8:28]
        assert server.sent == [FETCH]
        assert source.read(FETCH, 1) == CONTENT[FETCH : FETCH + 1]
        assert server.sent == [FETCH, 4 * FETCH]
        # A jump over weights starts anew.
        assert source.read(200_000, 10) == CONTENT[200_000:200_010]
        assert server.sent == [FETCH, 4 * FETCH, FETCH]
    assert server.queries == {"sig=secret"}


def test_nothing_is_fetched_twice(server: WebServer) -> None:
    with Source(server.url("/model.bin")) as source:
        for offset in (100_000, 0, 100_000, 90_000, 0, 110_000, 10):
            assert source.read(offset, 12_000) == CONTENT[offset : offset + 12_000]
    # Two stretches, what lies right before the first one, and what lies behind it.
    assert server.sent == [FETCH, FETCH, 10_000, 4 * FETCH]
    assert source.size == len(CONTENT)
    source.close()


def test_a_long_read_is_one_request(server: WebServer) -> None:
    with Source(server.url("/model.bin")) as source:
        assert source.read(1, 150_000) == CONTENT[1:150_001]
    assert server.sent == [150_000]


def test_reading_goes_on_to_the_end(server: WebServer) -> None:
    with Source(server.url("/model.bin")) as source:
        for offset in range(0, len(CONTENT), 1000):
            assert source.read_at_most(offset, 1000) == CONTENT[offset : offset + 1000]
        assert source.read_at_most(len(CONTENT) - 5, 100) == CONTENT[-5:]
        assert source.read_at_most(len(CONTENT), 20) == b""
    assert server.sent == [FETCH, 4 * FETCH, len(CONTENT) - 5 * FETCH]


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        pytest.param("/gone.bin", "HTTP status 404", "check the address", id="missing"),
        pytest.param("/forbidden.bin", "HTTP status 403", "your access", id="forbidden"),
        pytest.param(
            "/dies.bin", "stopped answering at byte 100,000: HTTP", "try again", id="dies"
        ),
        pytest.param(
            "/endless.bin", "does not say how large the file is", "download it", id="no size"
        ),
        pytest.param("/cut.bin", "stopped answering at byte", "try again", id="cut off"),
        pytest.param(
            "/down.bin", "redirects to 'http://0.0.0.0:", "download the file", id="not encrypted"
        ),
    ],
)
def test_a_server_that_does_not_help(server: WebServer, path: str, message: str, hint: str) -> None:
    with pytest.raises(ArtifactUnreadable, match=re.escape(message)) as raised:
        Source(server.url(path)).read(100_000, 10)
    assert hint in raised.value.hint
    check_secrets(raised.value)
    assert f"'http://127.0.0.1:{server.server_port}{path}'" in raised.value.message


@pytest.mark.parametrize("path", ["/whole.bin", "/shy.bin"])
def test_a_small_file_is_taken_whole_from_a_server_without_ranges(
    server: WebServer, path: str
) -> None:
    with Source(server.url(path)) as source:
        for offset in (0, 100_000, 200_000, 50_000):
            assert source.read(offset, 10) == CONTENT[offset : offset + 10]
    assert server.requests <= 4


@pytest.mark.parametrize("path", ["/whole.bin", "/shy.bin"])
def test_a_large_one_is_not(server: WebServer, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "MOST_HELD_BYTES", len(CONTENT) - 1)
    with pytest.raises(ArtifactUnreadable, match="does not send bytes 100,000 to") as raised:
        Source(server.url(path)).read(100_000, 10)
    assert "download the file" in raised.value.hint
    check_secrets(raised.value)


def test_a_redirect_to_another_server_is_followed_once(server: WebServer, file: Path) -> None:
    with serving(file) as other:
        server.elsewhere = other.url("/any.bin", secret=False)
        with Source(server.url("/moved.bin")) as source:
            for offset in (0, 100_000, 200_000):
                assert source.read(offset, 10) == CONTENT[offset : offset + 10]
            assert source.location == server.url("/moved.bin", secret=False)
        assert server.requests == 1
        assert len(other.sent) == 3


def test_no_server() -> None:
    with pytest.raises(
        ArtifactUnreadable, match="cannot be read: no server answers there"
    ) as raised:
        # Port 9 discards what it gets, where anyone listens at all.
        _ = Source("http://user:secret@localhost:9/m.bin?sig=secret").size
    check_secrets(raised.value)


def test_a_server_that_never_answers(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "TIMEOUT_SECONDS", 0.25)
    with pytest.raises(ArtifactUnreadable, match=r"no answer for 0\.25 s") as raised:
        _ = Source(server.url("/slow.bin")).size
    check_secrets(raised.value)


def check_secrets(error: ArtifactUnreadable) -> None:
    assert "secret" not in f"{error.message} {error.hint}"
    # Nor in a traceback, which shows what an error is raised from.
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize(
    ("scheme", "package"),
    [("https", "aiohttp"), ("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")],
)
def test_a_missing_package_is_named(scheme: str, package: str) -> None:
    reader = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from costdb.source import Source; from costdb.errors import *\n"
        f"try: Source('{scheme}://u:secret@host/m.onnx').size\n"
        "except ArtifactUnreadable as error: print(error.message, error.hint, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", reader], capture_output=True, check=True, text=True
    )
    message, hint = done.stdout.splitlines()
    assert message.startswith(f"'{scheme}://host/m.onnx' needs another package: ")
    assert hint == f"pip install {package}"
