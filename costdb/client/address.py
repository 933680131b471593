"""Where a server is: its URL as it was typed, checked and in one form."""

import ipaddress
from urllib.parse import urlsplit

from costdb.errors import ConfigurationError

_EXAMPLE = "write it as in https://costs.example"


def server_url(text: str) -> str:
    """A server's URL in one form: scheme and host in lower case, no slash at the end.

    Raises:
        ConfigurationError: It is no such URL, or holds a secret, a query or a fragment.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no URL: {error}", hint=_EXAMPLE) from None
    if parts.username is not None or parts.password is not None:
        # The text itself is not shown: it may hold a password.
        raise ConfigurationError(
            "the URL of a server holds no user and no password",
            hint="give the token by COSTDB_TOKEN, or store it: costdb token login URL",
        )
    if parts.scheme not in {"http", "https"} or not host or not text.isprintable() or " " in text:
        raise ConfigurationError(f"{text!r} is no URL of a server", hint=_EXAMPLE)
    if parts.query or parts.fragment:
        raise ConfigurationError(f"the URL {text!r} goes on behind its path", hint=_EXAMPLE)
    named = f"[{host}]" if ":" in host else host
    place = named if port is None else f"{named}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def keeps_secrets(url: str) -> bool:
    """Whether what is sent to a URL is seen by nobody else: by HTTPS, or on this machine."""
    return url.startswith("https:") or is_this_machine(url)


def is_this_machine(url: str) -> bool:
    """Whether a URL names a loopback address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
