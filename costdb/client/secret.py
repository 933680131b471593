"""The token that a server wants: from the environment, else from the keyring of the system.

It is never shown: no message and no traceback holds it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from costdb.client.address import keeps_secrets
from costdb.errors import AccessDenied, ConfigurationError, UsageError
from costdb.settings import Settings

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

# What the keyring files tokens under, each by its server's URL.
SERVICE = "costdb"


def token_for(url: str, settings: Settings) -> str | None:
    """The token to show to a server; None if there is none.

    Args:
        url: The server's, in the form of `address.server_url`.
        settings: Whose COSTDB_TOKEN comes before the keyring.

    Raises:
        ConfigurationError: What COSTDB_TOKEN or the keyring holds is no token.
        AccessDenied: There is one, and others could read it on its way.
    """
    origin, token = "COSTDB_TOKEN", settings.token
    if token is not None:
        _check_way(url)
    elif keeps_secrets(url):
        origin, token = "the keyring", _stored(url)
    if token is not None and not _is_token(token):
        raise ConfigurationError(
            f"what {origin} holds is no token: it has spaces, or letters that no token has",
            hint="set it to what costdb token create printed",
        )
    return token


def check(url: str, token: str) -> None:
    """See that a text that was typed may be sent to a server as a token.

    Raises:
        UsageError: It is no token.
        AccessDenied: Others could read it on its way to the server.
    """
    _check_way(url)
    if not _is_token(token):
        raise UsageError(
            "that is no token: it is empty, or has spaces or letters that no token has",
            hint="paste what costdb token create printed",
        )


def keep(url: str, token: str) -> None:
    """Store a token in the keyring, in the place of one that is there.

    Raises:
        ConfigurationError: There is no keyring, or it refuses.
    """
    with _keyring() as keyring:
        keyring.set_password(SERVICE, url, token)


def forget(url: str) -> bool:
    """Remove a server's token from the keyring. Returns whether there was one.

    Raises:
        ConfigurationError: There is no keyring, or it refuses.
    """
    with _keyring() as keyring:
        is_there = keyring.get_password(SERVICE, url) is not None
        if is_there:
            keyring.delete_password(SERVICE, url)
    return is_there


def _stored(url: str) -> str | None:
    """The token that the keyring has; None where it has none, or cannot be asked."""
    try:
        with _keyring() as keyring:
            return keyring.get_password(SERVICE, url)
    except ConfigurationError:
        # Reading may be open to anyone; if not, the server says so.
        return None


@contextmanager
def _keyring() -> "Iterator[KeyringBackend]":
    """The keyring of this system. Raises ConfigurationError where it is missing, or refuses."""
    try:
        import keyring  # takes time, and is asked only where COSTDB_TOKEN says nothing

        yield keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - each keyring raises errors of its own
        # Not chained: what a keyring says may hold what it was given.
        raise ConfigurationError(
            f"there is no keyring to keep tokens in, or it refuses: {type(error).__name__}",
            hint="set COSTDB_TOKEN instead; the keyring comes with pip install 'costdb[client]'",
        ) from None


def _check_way(url: str) -> None:
    """Raises AccessDenied where others could read what is sent to a server."""
    if not keeps_secrets(url):
        raise AccessDenied(
            f"no token is sent to {url}: on its way others could read it",
            hint="use an https URL, or unset COSTDB_TOKEN to ask without a token",
        )


def _is_token(text: str) -> bool:
    """Whether a text may stand in a header: visible ASCII."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
