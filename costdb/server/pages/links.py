"""The address of every page, in every state."""

from urllib.parse import quote, urlencode

from costdb.points import DEFAULT

# A browser takes these for steps up a path, escaped or not.
_STEPS = frozenset({".", ".."})

SIGN_IN = "/sign-in"
DIFF = "/diff"


def address(path: str, **query: object) -> str:
    """A path with what is asked of it; what is None or empty is left out, and the default point."""
    asked = {
        name: value
        for name, value in query.items()
        if value not in (None, "") and (name, value) != ("point", DEFAULT)
    }
    if not asked:
        return path
    return f"{path}?{urlencode(asked, errors='replace', quote_via=quote)}"


def model(name: str, **query: object) -> str:
    """The page of a model."""
    return address(f"/models/{_quoted(name)}", **query)


def version(name: str, version_tag: str, **query: object) -> str:
    """The page of a version."""
    path = f"/models/{_quoted(name)}/versions"
    if version_tag in _STEPS:
        return address(path, tag=version_tag, **query)
    return address(f"{path}/{_quoted(version_tag)}", **query)


def diff(old: str = "", new: str = "", **query: object) -> str:
    """The page that compares two versions, each named as `detector@v2`."""
    return address(DIFF, old=old, new=new, **query)


def findings(**query: object) -> str:
    """The page of findings."""
    return address("/findings", **query)


def sign_in(then: str = "") -> str:
    """The page that asks for a token, and then leads to another."""
    return address(SIGN_IN, then=then)


def is_inside(target: str) -> bool:
    """Whether an address leads to a page of this server, and not to another's."""
    is_path = target.startswith("/") and not target.startswith("//")
    return is_path and target.isprintable() and "\\" not in target


def _quoted(part: str) -> str:
    """A name as one part of a path."""
    # Halves of surrogate pairs, which no address can hold, find nothing, as they should.
    return quote(part, safe="", errors="replace")
