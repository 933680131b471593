"""A keyring in a file of the current folder, and one that refuses."""

import json
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

FILE_NAME = "keyring.json"


class KeyringInFolder(KeyringBackend):
    """Keeps what it is given for every process in this folder."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        """What was kept."""
        return _kept().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        _write(_kept() | {f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        """Keep it no longer."""
        kept = _kept()
        del kept[f"{service} {username}"]
        _write(kept)


class LockedKeyring(KeyringBackend):
    """Lets nobody in, and says too much."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        """Refuse."""
        raise KeyringLocked(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Refuse."""
        raise KeyringLocked(f"{service} {username} {password}")

    def delete_password(self, service: str, username: str) -> None:
        """Refuse."""
        raise KeyringLocked(f"{service} {username}")


def _kept() -> dict[str, str]:
    file = Path(FILE_NAME)
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return kept


def _write(kept: dict[str, str]) -> None:
    Path(FILE_NAME).write_text(json.dumps(kept))
