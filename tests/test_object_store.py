"""Models in buckets, read from moto's server as from S3 itself."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from builders.onnx_models import save_conv

from costdb.analysis import analyses
from costdb.errors import ArtifactUnreadable
from costdb.reading import Reading
from costdb.source import Source

MACS = 6 * 6 * 3 * 9 * 4


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store with one bucket that holds one model."""
    from moto.server import ThreadedMotoServer

    model = save_conv(tmp_path_factory.mktemp("bucket") / "m.onnx", (1, 3, 8, 8), (4, 3, 3, 3))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    put(f"{address}/models", b"")
    put(f"{address}/models/detectors/m.onnx", model.read_bytes(), "public-read")
    put(f"{address}/models/private.onnx", model.read_bytes())
    yield address
    server.stop()


def put(url: str, content: bytes, access: str = "private") -> None:
    headers = {"Content-Type": "application/octet-stream", "x-amz-acl": access}
    request = Request(url, content, headers, method="PUT")  # noqa: S310 - our own server
    with urlopen(request) as answer:  # noqa: S310 - the same
        assert answer.status == 200


@pytest.fixture(autouse=True)
def environment(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a user of another store than Amazon's sets."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()


def test_a_model_in_a_bucket() -> None:
    (analysis,) = analyses("s3://models/detectors/m.onnx", Reading(), {})
    assert analysis.cost.totals.macs == MACS
    assert analysis.artifact.path == "s3://models/detectors/m.onnx"


def test_a_bucket_for_everyone_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with Source("s3://models/detectors/m.onnx") as source:
        assert source.read(0, 1) == b"\x08"
    with pytest.raises(ArtifactUnreadable, match="HTTP status 403"):
        _ = Source("s3://models/private.onnx").size


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param(
            "s3://models/none.onnx", "cannot be read: there is no such file", id="no such key"
        ),
        pytest.param(
            "s3://nowhere/m.onnx", "cannot be read: there is no such bucket", id="no such bucket"
        ),
        pytest.param("s3://models/detectors", "is a folder", id="a folder"),
        pytest.param("s3://models", "is a folder", id="a bucket"),
    ],
)
def test_what_is_not_there(url: str, message: str) -> None:
    with pytest.raises(ArtifactUnreadable) as raised:
        _ = Source(url).size
    assert raised.value.message == f"{url!r} {message}"
    assert raised.value.hint


def test_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(
        ArtifactUnreadable, match="cannot be read: no server answers there"
    ) as raised:
        _ = Source("s3://models/m.onnx").size
    assert "secret" not in raised.value.message
