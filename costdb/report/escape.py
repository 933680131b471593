"""Names of models and layers are strangers' text: made inert here, once for each output."""

import html
import json
import re
import unicodedata
from typing import Any

# Excel and LibreOffice run what starts like this; a quote in front makes it text.
_FORMULA = re.compile(r"[\s]*[=+\-@\t\r|%]")

# The last two keep addresses from becoming links.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$@^-]|:(?=//)|(?<=www)\.)")

# GitHub makes a link of a mail address whether or not its @ is escaped.
_ADDRESS = re.compile(r"\\@(?=[^\s@]*\.)")

# What could end a code element on GitHub, or be taken for markup or an address inside it. It is
# compiled when it is needed, which takes as long as all others together.
_IN_CODE = r"[^\w /.\-+,=()%\u0080-\U0010ffff]|(?<=[wW]{3})\.|\b_|_\b"

# What a GitHub job takes for a command to its runner: the first at the start of a line, the second
# anywhere, in the log of whatever is printed.
_RUNNER_COMMAND = re.compile(r"\A\s*:(?=:)|#(?=#\[)")

# Controls, escapes, direction overrides, line separators and lone surrogates.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    r"""Text for a terminal or a log, where it hides nothing and commands no one.

    What could move the cursor, hide, or command the runner of a job is written as \x1b or \u202e.
    """
    if "::" in text or "##[" in text:
        text = _RUNNER_COMMAND.sub(lambda found: f"\\x{ord(found[0][-1]):02x}", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def json_text(document: Any, *, indent: int | None = 2) -> str:
    """JSON that is exact and yet commands no runner: it writes one character by its number."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(document, indent=indent, separators=separators)
    # Outside strings, JSON has no such characters.
    return text.replace("##[", "\\u0023#[")


def markdown(text: str) -> str:
    """Text inside a Markdown table cell, free of markup, links, mentions and HTML."""
    safe = _MARKDOWN.sub(r"\\\1", plain(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")
    return _ADDRESS.sub(r"\\@<!-- -->", safe)


def mention_free(text: str) -> str:
    """Text in a comment on GitHub: `markdown` that also names nobody and refers to nothing."""
    # GitHub looks for names in what the Markdown says, so a backslash does not stop it.
    broken = markdown(text).replace("<!-- -->", "").replace("\\#", "&#35;<!-- -->")
    return broken.replace("\\@", "&#64;<!-- -->")


def code(text: str) -> str:
    """Text as a code element on GitHub, which is shown as it is, in tables as well."""
    inert = re.sub(_IN_CODE, lambda found: f"&#{ord(found[0])};", plain(text))
    return f"<code>{inert.replace('&#64;', '&#64;<!-- -->')}</code>"


def markup(text: str) -> str:
    """Text inside HTML, SVG or XML, in an element or in a quoted attribute."""
    return html.escape(plain(text))


def annotation(text: str) -> str:
    """Text behind the second `::` of a GitHub workflow command."""
    return plain(text).replace("%", "%25")


def annotation_property(text: str) -> str:
    """The value of a property of a GitHub workflow command."""
    return annotation(text).replace(":", "%3A").replace(",", "%2C")


def sarif_message(text: str) -> str:
    """Text of a SARIF message, without links and placeholders (sections 3.11.5 and 3.11.6)."""
    safe = re.sub(r"([\\\[\]])", r"\\\1", plain(text))
    return safe.replace("{", "{{").replace("}", "}}")


def csv_cell(text: str) -> str:
    """Text inside a CSV cell that no spreadsheet takes for a formula."""
    safe = plain(text)
    return f"'{safe}" if _FORMULA.match(safe) else safe


def _visible(character: str) -> str:
    code = ord(character)
    # Two code points at the end of each plane are no characters; XML forbids the first such pair.
    is_character = code & 0xFFFE != 0xFFFE
    if is_character and unicodedata.category(character) not in _INVISIBLE_CATEGORIES:
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
