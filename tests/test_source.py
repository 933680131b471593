"""Sources: what may be named, what is read of it, and what is never shown."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.errors import ArtifactUnreadable, BrokenArtifact
from costdb.source import WINDOW_BYTES, Source

# Three windows and a bit, no two stretches alike.
CONTENT = b"".join(n.to_bytes(4, "big") for n in range(3 * WINDOW_BYTES // 4 + 10))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "model.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(scope="module")
def source(file: Path) -> Iterator[Source]:
    with Source(file) as opened:
        yield opened


class TestReading:
    def test_size(self, source: Source) -> None:
        assert source.size == len(CONTENT) == 3 * WINDOW_BYTES + 40

    @given(offset=st.integers(0, len(CONTENT)), length=st.integers(0, len(CONTENT)))
    def test_any_range(self, source: Source, offset: int, length: int) -> None:
        expected = CONTENT[offset : offset + length]
        assert source.read_at_most(offset, length) == expected
        if offset + length <= len(CONTENT):
            assert source.read(offset, length) == expected
        else:
            with pytest.raises(BrokenArtifact):
                source.read(offset, length)

    @given(offset=st.integers(0, 2 * len(CONTENT)), length=st.integers(0, WINDOW_BYTES))
    def test_any_window(self, source: Source, offset: int, length: int) -> None:
        window, start = source.window(offset, length)
        assert window == CONTENT[start : start + len(window)]
        assert window[offset - start :][:length] == CONTENT[offset : offset + length]

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [
            pytest.param(0, 4, b"\0\0\0\0", id="start"),
            pytest.param(len(CONTENT) - 1, 1, CONTENT[-1:], id="last byte"),
            pytest.param(len(CONTENT), 0, b"", id="nothing at the end"),
            pytest.param(0, len(CONTENT), CONTENT, id="everything"),
            pytest.param(5, WINDOW_BYTES, CONTENT[5:][:WINDOW_BYTES], id="as much as a window"),
            pytest.param(5, WINDOW_BYTES + 1, CONTENT[5:][: WINDOW_BYTES + 1], id="one byte more"),
        ],
    )
    def test_read(self, file: Path, offset: int, length: int, expected: bytes) -> None:
        with Source(file) as fresh:
            assert fresh.read(offset, length) == expected

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            pytest.param(len(CONTENT) - 1, 2, id="over the end"),
            pytest.param(len(CONTENT) + 1, 0, id="behind the end"),
            pytest.param(0, 1 << 62, id="more than there can be"),
            pytest.param(1 << 70, 1, id="an offset of no file"),
            pytest.param(-1, 1, id="before the start"),
            pytest.param(10, -1, id="backwards"),
        ],
    )
    def test_a_field_that_is_not_there(self, source: Source, offset: int, length: int) -> None:
        with pytest.raises(BrokenArtifact) as raised:
            source.read(offset, length)
        assert raised.value.message == (
            f"'model.bin' has 196,648 bytes, and a field that lies from byte {offset:,}"
            f" to {offset + length:,}"
        )
        assert "export it again" in raised.value.hint

    def test_reading_goes_on_after_closing(self, file: Path) -> None:
        fresh = Source(file)
        assert fresh.read(0, 4) == b"\0\0\0\0"
        fresh.close()
        fresh.close()
        assert fresh.read(4, 4) == b"\0\0\0\1"
        fresh.close()

    def test_a_file_that_shrinks(self, tmp_path: Path) -> None:
        path = tmp_path / "model.bin"
        path.write_bytes(CONTENT)
        with Source(path) as shrinking:
            assert shrinking.size == len(CONTENT)
            os.truncate(path, 10)
            with pytest.raises(BrokenArtifact, match="has 196,648 bytes"):
                shrinking.read(8, 4)

    def test_an_empty_file(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.onnx"
        path.touch()
        with Source(path) as empty:
            assert empty.size == 0
            assert empty.read_at_most(0, 100) == b""
            assert empty.read(0, 0) == b""
            assert empty.window(0, 20) == (b"", 0)

    def test_a_failing_disk(self, file: Path) -> None:
        with Source(file) as failing:
            assert failing.size
            assert failing._backend is not None
            failing._backend.close()  # the kernel refuses the descriptor from here on
            with pytest.raises(ArtifactUnreadable, match="at byte 8: Bad file descriptor"):
                failing.read(8, 4)
            failing._backend = None


class TestLocalFiles:
    def test_a_missing_file_with_a_look_alike(self, tmp_path: Path) -> None:
        (tmp_path / "resnet50.onnx").touch()
        missing = tmp_path / "resnet5.onnx"
        with pytest.raises(ArtifactUnreadable) as raised:
            _ = Source(missing).size
        assert raised.value.message == f"no file {str(missing)!r}"
        assert raised.value.hint == f"did you mean {str(tmp_path / 'resnet50.onnx')!r}?"

    @pytest.mark.parametrize("name", ["model.onnx", "no/such/folder/model.onnx"])
    def test_a_missing_file(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ArtifactUnreadable, match="no file") as raised:
            Source(tmp_path / name).read(0, 1)
        assert raised.value.hint == "check the path"

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "saved_model").mkdir()
        folder = Source(tmp_path / "saved_model")
        assert folder.is_directory
        assert not Source(tmp_path / "model.onnx").is_directory
        with pytest.raises(ArtifactUnreadable, match="'saved_model' is a folder"):
            _ = folder.size

    def test_a_named_pipe_does_not_wait(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ArtifactUnreadable, match="'pipe' is not a regular file"):
            _ = Source(tmp_path / "pipe").size

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            pytest.param("loop", "Too many levels of symbolic links", id="a link to itself"),
            pytest.param("file/model.onnx", "Not a directory", id="a file as a folder"),
            pytest.param("a\0b", "embedded null byte", id="a null byte"),
            pytest.param("m" * 300, "File name too long", id="a name too long"),
        ],
    )
    def test_what_cannot_be_opened(self, tmp_path: Path, name: str, message: str) -> None:
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "file").touch()
        with pytest.raises(ArtifactUnreadable, match=message) as raised:
            _ = Source(tmp_path / name).size
        assert raised.value.message.startswith(f"{Path(name).name!r} cannot be opened")

    def test_no_permission(self) -> None:
        # The superuser may read everything, so the reader becomes somebody else, to whom pytest's
        # own folders are closed.
        reader = (
            "import os, sys; from costdb.source import Source; from costdb.errors import *\n"
            "if os.geteuid() == 0: os.seteuid(65534)\n"
            "try: Source(sys.argv[1]).size\n"
            "except ArtifactUnreadable as error: print(error.message, error.hint, sep='\\n')"
        )
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            path = Path(folder, "secret model.onnx")
            path.touch(mode=0o000)
            done = subprocess.run(
                [sys.executable, "-c", reader, str(path)],
                capture_output=True,
                check=True,
                text=True,
            )
        assert done.stdout.splitlines() == [
            "'secret model.onnx' may not be read",
            f"chmod +r '{path}'",
        ]

    @pytest.mark.parametrize(
        ("location", "name"),
        [
            pytest.param("model.onnx", "model.onnx", id="relative"),
            pytest.param("/models/detector/", "detector", id="a slash at the end"),
            pytest.param("models/.", "models", id="a dot at the end"),
            pytest.param(".", ".", id="here"),
            pytest.param("C:\\models\\m.onnx", "C:\\models\\m.onnx", id="a path of Windows"),
        ],
    )
    def test_names(self, location: str, name: str) -> None:
        named = Source(location)
        assert (named.name, named.scheme, named.location) == (name, "file", location)
        assert named.path == Path(location)
        assert repr(named) == f"Source({location!r})"

    @pytest.mark.parametrize("name", ["module:factory", "C:model", "C:\\model.onnx", "a::b", "a:b"])
    def test_a_colon_in_a_file_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path(name).write_bytes(b"here")
        with Source(name) as found:
            assert (found.scheme, found.read(0, 4)) == ("file", b"here")

    @pytest.mark.parametrize("prefix", ["file://", "file://localhost", "FILE://"])
    def test_file_urls(self, tmp_path: Path, prefix: str) -> None:
        path = tmp_path / "a model.onnx"
        path.write_bytes(b"here")
        with Source(f"{prefix}{tmp_path}/a%20model.onnx") as found:
            assert (found.scheme, found.path, found.read(0, 4)) == ("file", path, b"here")
            assert found.location == str(path)


class TestPythonObjects:
    @pytest.mark.parametrize("location", ["module:factory", "package.module:factory"])
    def test_names(self, location: str) -> None:
        named = Source(location)
        assert (named.scheme, named.location, named.name) == ("python", location, location)
        assert named.path is None
        assert not named.is_directory
        with pytest.raises(ArtifactUnreadable, match="names a Python object, not a file"):
            named.read(0, 1)

    @pytest.mark.parametrize(
        "location",
        ["module", "module:", ":factory", "a/b:factory", "module:a.b", "1:2", "a..b:c", "m:f:g"],
    )
    def test_what_is_a_path(self, location: str) -> None:
        assert Source(location).scheme == "file"

    def test_a_name_too_long_for_a_file(self) -> None:
        assert Source(f"{'m' * 300}:factory").scheme == "python"


class TestSiblings:
    @pytest.mark.parametrize(
        ("relative", "expected"),
        [
            pytest.param("weights.bin", "weights.bin", id="beside"),
            pytest.param("./weights.bin", "weights.bin", id="with a dot"),
            pytest.param("data/weights.bin", "data/weights.bin", id="below"),
            pytest.param("data\\weights.bin", "data/weights.bin", id="below, on Windows"),
            pytest.param("onnx::MatMul_12", "onnx::MatMul_12", id="a colon"),
            pytest.param("..weights", "..weights", id="two dots in a name"),
            pytest.param("100%.bin", "100%.bin", id="a percent sign"),
        ],
    )
    def test_local(self, tmp_path: Path, relative: str, expected: str) -> None:
        model = Source(tmp_path / "model.onnx")
        assert model.sibling(relative).path == tmp_path / expected

    @pytest.mark.parametrize("model", ["model.onnx", "https://host/folder/model.onnx"])
    @pytest.mark.parametrize(
        "relative",
        [
            pytest.param("", id="empty"),
            pytest.param(".", id="the folder"),
            pytest.param("../weights.bin", id="above"),
            pytest.param("data/../../weights.bin", id="down and up"),
            pytest.param("data/../weights.bin", id="down and back"),
            pytest.param("..\\weights.bin", id="above, on Windows"),
            pytest.param("/etc/passwd", id="absolute"),
            pytest.param("\\etc\\passwd", id="absolute, on Windows"),
            pytest.param("C:\\weights.bin", id="a drive"),
            pytest.param("C:weights.bin", id="a drive's own folder"),
            pytest.param("\\\\host\\share\\weights.bin", id="a share"),
            pytest.param("weights\0.bin", id="a null byte"),
        ],
    )
    def test_refused(self, model: str, relative: str) -> None:
        with pytest.raises(BrokenArtifact) as raised:
            Source(model).sibling(relative)
        assert raised.value.message == (
            f"'model.onnx' refers to {relative!r}, which is no file in its folder"
        )

    @pytest.mark.parametrize(
        ("link", "target"),
        [
            pytest.param("weights.bin", "../secret", id="a file above"),
            pytest.param("weights.bin", "/etc/passwd", id="an absolute file"),
            pytest.param("data", "..", id="a folder above"),
        ],
    )
    def test_links_that_leave(self, tmp_path: Path, link: str, target: str) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / link).symlink_to(target)
        relative = "data/secret" if link == "data" else link
        with pytest.raises(BrokenArtifact, match="a link that leads out of its folder"):
            Source(folder / "model.onnx").sibling(relative)

    def test_links_that_stay(self, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "weights.v2").write_bytes(b"here")
        (folder / "weights.bin").symlink_to("weights.v2")
        (tmp_path / "current").symlink_to("model")
        with Source(tmp_path / "current" / "model.onnx").sibling("weights.bin") as found:
            assert found.read(0, 4) == b"here"

    def test_a_link_to_itself(self, tmp_path: Path) -> None:
        (tmp_path / "weights.bin").symlink_to("weights.bin")
        with pytest.raises(ArtifactUnreadable, match="cannot be opened"):
            _ = Source(tmp_path / "model.onnx").sibling("weights.bin").size

    @pytest.mark.parametrize(
        ("model", "relative", "expected"),
        [
            pytest.param(
                "s3://bucket/a/model.onnx", "w.bin", "s3://bucket/a/w.bin", id="object store"
            ),
            pytest.param(
                "https://host/a/m.onnx", "d/w#1 ?%2e.bin", "https://host/a/d/w%231%20%3F%252e.bin",
                id="quoted for a web server",
            ),
            pytest.param(
                "s3://bucket/a/m.onnx", "100%.bin", "s3://bucket/a/100%.bin",
                id="not quoted for an object store",
            ),
            pytest.param(
                "https://host/a/m.onnx?sig=x/y", "w.bin", "https://host/a/w.bin",
                id="a slash in the query",
            ),
        ],
    )  # fmt: skip
    def test_remote(self, model: str, relative: str, expected: str) -> None:
        assert Source(model).sibling(relative).location == expected

    def test_a_query_is_kept_for_siblings(self) -> None:
        # A signature of Azure's is for a whole container.
        sibling = Source("https://u:p@host/a/m.onnx?sig=x/y").sibling("w.bin")
        assert sibling._target == "https://u:p@host/a/w.bin?sig=x/y"


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "scheme", "location", "name"),
        [
            pytest.param(
                "https://user:secret@host:8443/a/model.onnx?sig=secret#secret",
                "https", "https://host:8443/a/model.onnx", "model.onnx", id="https",
            ),
            pytest.param(
                "https://secret@host/m.onnx", "https", "https://host/m.onnx", "m.onnx",
                id="a token as the user",
            ),
            pytest.param(
                "https://a@secret@host/m.onnx", "https", "https://host/m.onnx", "m.onnx",
                id="an @ in the user info",
            ),
            pytest.param("HTTPS://host/m", "https", "https://host/m", "m", id="upper case"),
            pytest.param(
                "s3://bucket/key/m.onnx?versionId=secret", "s3", "s3://bucket/key/m.onnx",
                "m.onnx", id="s3",
            ),
            pytest.param("gs://bucket/m.pt2", "gs", "gs://bucket/m.pt2", "m.pt2", id="gs"),
            pytest.param("az://box/m.pb", "az", "az://box/m.pb", "m.pb", id="az"),
            pytest.param(
                "http://127.0.0.1:80/m", "http", "http://127.0.0.1:80/m", "m", id="loopback"
            ),
            pytest.param("http://LOCALHOST/m", "http", "http://LOCALHOST/m", "m", id="localhost"),
        ],
    )  # fmt: skip
    def test_what_is_shown(self, url: str, scheme: str, location: str, name: str) -> None:
        named = Source(url)
        assert (named.scheme, named.location, named.name) == (scheme, location, name)
        assert named.path is None
        assert not named.is_directory
        assert "secret" not in repr(named)

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            pytest.param("ftp://u:secret@h/m", "URLs of scheme 'ftp' are not read", id="ftp"),
            pytest.param("memory://m", "URLs of scheme 'memory'", id="memory"),
            pytest.param("://m", "URLs of scheme ''", id="no scheme"),
            pytest.param("file://u:secret@h/m", "URLs of scheme 'file'", id="another host's file"),
            pytest.param(
                "http://u:secret@example.com/m", "http is only read from 127.0.0.1 and localhost",
                id="http",
            ),
            pytest.param("http://localhost@example.com/m", "http is only", id="a trap"),
            pytest.param("http://localhost.example.com/m", "http is only", id="another trap"),
            pytest.param(
                "simplecache::https://u:secret@h/m?secret", "URLs with '::' chain", id="a cache"
            ),
            pytest.param("zip://m.onnx::s3://secret/a.zip", "URLs with '::' chain", id="a zip"),
            pytest.param("https://u:secret@[::1/m", "URLs with '::' chain", id="IPv6"),
            pytest.param("https://u:secret@[1/m", "this 'https' URL is malformed", id="brackets"),
        ],
    )  # fmt: skip
    def test_refused(self, url: str, message: str) -> None:
        with pytest.raises(ArtifactUnreadable, match=re.escape(message)) as raised:
            Source(url)
        assert "secret" not in f"{raised.value.message} {raised.value.hint}"
        assert raised.value.hint


class TestTotalSize:
    """Bytes of all that a location names."""

    def test_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(bytes(7))
        assert Source(tmp_path / "model.onnx").total_size == 7

    def test_of_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "saved" / "variables").mkdir(parents=True)
        (tmp_path / "saved" / "saved_model.pb").write_bytes(bytes(5))
        (tmp_path / "saved" / "variables" / "values").write_bytes(bytes(11))
        (tmp_path / "outside").write_bytes(bytes(100))
        (tmp_path / "saved" / "link").symlink_to(tmp_path / "outside")
        (tmp_path / "saved" / "loop").symlink_to(tmp_path / "saved")
        assert Source(tmp_path / "saved").total_size == 5 + 11

    def test_of_a_checkpoint(self, tmp_path: Path) -> None:
        for name, size in (("m.ckpt.index", 3), ("m.ckpt.meta", 4), ("m.ckpt2.meta", 100)):
            (tmp_path / name).write_bytes(bytes(size))
        assert Source(tmp_path / "m.ckpt").total_size == 3 + 4

    def test_of_a_python_object(self) -> None:
        assert Source("package.module:factory").total_size == 0

    def test_of_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(ArtifactUnreadable, match="no file"):
            _ = Source(tmp_path / "model.onnx").total_size
