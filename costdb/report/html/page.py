"""A page out of a template: escaped, self-contained, and closed to everything from outside."""

import base64
import hashlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from costdb import __version__
from costdb.errors import ConfigurationError
from costdb.report import escape
from costdb.report.finding import Name
from costdb.report.listing import Listing, cells_by_column
from costdb.report.numbers import quantity

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = "costdb.report.html"


def page(template: str, made_at: datetime, **context: Any) -> str:
    """The template's HTML, with its style and script inside.

    Every value is escaped unless it is Markup already. The page's policy lets no script run but
    its own, and nothing be loaded.

    Raises:
        ConfigurationError: Jinja2 is not installed.
    """
    style, script = resource("style.css"), resource("plot.js")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    page_template = environment().get_template(template)
    return page_template.render(
        policy=policy,
        style=style,
        script=script,
        version=__version__,
        made_at=made_at,
        **context,
    )


@cache
def environment(package: str = _PACKAGE) -> "Environment":
    """What renders templates of this package, and those of another that go before them.

    Raises:
        ConfigurationError: Jinja2 is not installed.
    """
    try:
        from jinja2 import (  # noqa: PLC0415 - an extra
            ChoiceLoader,
            Environment,
            PackageLoader,
            StrictUndefined,
        )
    except ImportError as error:
        raise ConfigurationError(
            "an HTML report needs Jinja2, which is not installed",
            hint="pip install 'costdb[report]'",
        ) from error
    packages = dict.fromkeys((package, _PACKAGE))
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    made.filters["cells"] = _cells
    made.filters["quantity"] = quantity
    made.tests["name"] = lambda word: isinstance(word, Name)
    return made


def _cells(listing: Listing) -> list[tuple[str, ...]]:
    """A listing's rows as text; it is escaped where it is put out."""
    return list(zip(*cells_by_column(listing, str), strict=True))


def _visible(value: object) -> object:
    """What stands for a value: text without controls, which Jinja then escapes."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return escape.plain(value)
    return value


@cache
def resource(name: str) -> Any:
    """The style or the script of every page, as Markup."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    text = files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - a file of this package


def _digest(text: str) -> str:
    """How a content security policy names a style or a script that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
