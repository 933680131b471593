"""A file behind a URL, read by range requests and never downloaded.

A reader walks over a model's structure and jumps over its weights. Where it lands, little is
fetched; where it goes on from there, more and more at once. What was fetched is kept: it is
structure, which is small, and is read by several readers.
"""

from bisect import bisect_right, insort
from typing import Any
from urllib.parse import urlsplit

from costdb.errors import ArtifactUnreadable

REMOTE_SCHEMES = frozenset({"https", "s3", "gs", "az"})
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1"})

# A server that says nothing for so long is taken for dead.
TIMEOUT_SECONDS = 30

# Fetched at once at least, and four times as much with each request that continues another.
FIRST_FETCH_BYTES = 1 << 14
LARGEST_FETCH_BYTES = 1 << 20

# Beyond this, what was fetched is let go; a larger file is not downloaded whole.
MOST_HELD_BYTES = 1 << 26

# What fsspec needs for each scheme.
_PACKAGES = {"https": "aiohttp", "http": "aiohttp", "s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}

# What the errors of web servers and object stores mean.
_REASONS = {
    "ClientConnectorCertificateError": "its certificate is not to be trusted",
    "ClientConnectorDNSError": "there is no such host",
    "ClientConnectorError": "no server answers there",
    "ClientConnectorSSLError": "it speaks no HTTPS",
    "EndpointConnectionError": "no server answers there",
    "FileNotFoundError": "there is no such file",
    "NoSuchBucket": "there is no such bucket",
    "PermissionError": "access is denied",
}


class RemoteFile:
    """What a URL names.

    What fsspec raises is not chained to our errors: its text may hold the URL's credentials.
    """

    def __init__(self, target: str, location: str, scheme: str) -> None:
        """Ask how large the file is.

        Args:
            target: The URL with all that it takes to be let in.
            location: The URL as it may be shown.
            scheme: One of `REMOTE_SCHEMES`, or "http".

        Raises:
            ArtifactUnreadable: The server does not answer, or refuses, or does not know.
        """
        self._location = location
        try:
            filesystem, path, information = _looked_up(target, scheme)
        except ImportError as error:
            raise ArtifactUnreadable(
                f"{location!r} needs another package: {error}",
                hint=f"pip install {_PACKAGES[scheme]}",
            ) from None
        except Exception as error:  # noqa: BLE001 - each file system raises errors of its own
            raise ArtifactUnreadable(
                f"{location!r} cannot be read: {_reason(error)}",
                hint="check the address and your access to it",
            ) from None
        if information.get("type") == "directory":
            raise ArtifactUnreadable(f"{location!r} is a folder", hint="name a model file in it")
        size = information.get("size")
        if size is None:
            raise ArtifactUnreadable(
                f"the server of {location!r} does not say how large the file is",
                hint="download it and name the local file",
            )
        self.size = int(size)
        self._filesystem = filesystem
        self._path = _redirected(path, information.get("url"), location)
        self._file = filesystem.open(self._path, "rb", cache_type="none", size=self.size)
        self._starts: list[int] = []
        self._held: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset, fewer only where the file ends. Raises ArtifactUnreadable."""
        end = min(offset + length, self.size)
        pieces: list[bytes] = []
        while offset < end:
            held = self._held_from(offset) or self._fetch(offset, end - offset)
            pieces.append(held[: end - offset])
            offset += len(pieces[-1])
        return b"".join(pieces)

    def at_least(self, offset: int, length: int) -> bytes:
        """The same, and what follows if it is at hand. Raises ArtifactUnreadable."""
        return self.read(offset, length) + self._held_from(offset + length)

    def close(self) -> None:
        """Let go of what was fetched."""
        self._file.close()

    def _held_from(self, offset: int) -> bytes:
        """What is at hand from an offset on, up to the end of one fetch."""
        place = bisect_right(self._starts, offset)
        if not place:
            return b""
        start = self._starts[place - 1]
        return self._held[start][offset - start :]

    def _fetch(self, offset: int, wanted: int) -> bytes:
        """Fetch from an offset, more than is wanted if reading seems to go on from there."""
        place = bisect_right(self._starts, offset)
        before = len(self._held[self._starts[place - 1]]) if place else 0
        known_to = self._starts[place - 1] + before if place else 0
        ahead = min(4 * before, LARGEST_FETCH_BYTES) if known_to == offset else 0
        end = min(offset + max(wanted, ahead, FIRST_FETCH_BYTES), self.size)
        if place < len(self._starts):
            end = min(end, self._starts[place])
        # What stands behind the bulk, or an index, is read backwards from the end.
        start = min(offset, max(known_to, self.size - FIRST_FETCH_BYTES))
        start, fetched = self._requested(start, end)
        held_bytes = sum(map(len, self._held.values()))
        is_whole = len(fetched) == self.size
        if is_whole or held_bytes + len(fetched) > MOST_HELD_BYTES:
            self._starts, self._held = [], {}
        insort(self._starts, start)
        self._held[start] = fetched
        return fetched[offset - start :]

    def _requested(self, start: int, end: int) -> tuple[int, bytes]:
        """What lies between two offsets, or the whole file where there is no other way."""
        try:
            self._file.seek(start)
            fetched = bytes(self._file.read(end - start))
            if len(fetched) == end - start:
                return start, fetched
        except ValueError:
            # fsspec says so, before it has read it, where a server sends the whole file.
            if self.size <= MOST_HELD_BYTES:
                return 0, self._whole()
        except Exception as error:  # noqa: BLE001 - as above
            raise self._silent(start, error) from None
        raise ArtifactUnreadable(
            f"the server of {self._location!r} does not send bytes {start:,} to {end:,} alone",
            hint="it reads no byte ranges: download the file and name the local one",
        )

    def _whole(self) -> bytes:
        try:
            content = bytes(self._filesystem.cat_file(self._path))
        except Exception as error:  # noqa: BLE001 - as above
            raise self._silent(0, error) from None
        if len(content) != self.size:
            raise ArtifactUnreadable(
                f"the server of {self._location!r} sent {len(content):,} of {self.size:,} bytes",
                hint="try again",
            )
        return content

    def _silent(self, offset: int, error: Exception) -> ArtifactUnreadable:
        return ArtifactUnreadable(
            f"{self._location!r} stopped answering at byte {offset:,}: {_reason(error)}",
            hint="try again",
        )


def may_be_read(url: str) -> bool:
    """Whether a URL is of a kind that is read: an encrypted one, or one to this machine."""
    parts = urlsplit(url)
    return parts.scheme in REMOTE_SCHEMES or (
        parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    )


def without_secrets(url: str) -> str:
    """The URL without user info, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _looked_up(target: str, scheme: str) -> tuple[Any, str, dict[str, Any]]:
    """The file system that a URL is in, the file's path there, and what it says of the file."""
    import fsspec

    options = _options(scheme)
    filesystem, path = fsspec.core.url_to_fs(target, **options)
    try:
        return filesystem, path, filesystem.info(path)
    except Exception as error:
        if type(error).__name__ != "NoCredentialsError":
            raise
    # What is open to everyone is read without credentials.
    filesystem, path = fsspec.core.url_to_fs(target, **options, anon=True)
    return filesystem, path, filesystem.info(path)


def _options(scheme: str) -> dict[str, object]:
    """What a file system is told about patience."""
    if scheme in {"http", "https"}:
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=TIMEOUT_SECONDS, sock_read=TIMEOUT_SECONDS
        )
        return {"client_kwargs": {"timeout": timeout}}
    if scheme == "s3":
        return {
            "config_kwargs": {
                "connect_timeout": TIMEOUT_SECONDS,
                "read_timeout": TIMEOUT_SECONDS,
                "retries": {"max_attempts": 2},
            }
        }
    return {}


def _redirected(path: str, answered: str | None, location: str) -> str:
    """Where to ask for ranges: at another server, if that is where the file turned out to be.

    Raises:
        ArtifactUnreadable: That server is not to be asked.
    """
    if answered is None or _origin(answered) == _origin(path):
        # On the same server, the address as given has what it takes to be let in.
        return path
    if not may_be_read(answered):
        raise ArtifactUnreadable(
            f"{location!r} redirects to {without_secrets(answered)!r}, which is not encrypted",
            hint="download the file and name the local one",
        )
    return answered


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _reason(error: Exception) -> str:
    """Why a server did not answer, without the URL that the error's own text may hold."""
    cause = error.__cause__ or error
    kind = type(cause).__name__
    if kind in _REASONS:
        return _REASONS[kind]
    status = getattr(cause, "status", None)
    if isinstance(response := getattr(cause, "response", None), dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status:
        return f"HTTP status {status}"
    if isinstance(cause, TimeoutError):
        return f"no answer for {TIMEOUT_SECONDS} s"
    return kind
