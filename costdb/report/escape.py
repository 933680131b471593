"""Names of models and layers are strangers' text: made inert here, once for each output."""

import re
import unicodedata

# Excel and LibreOffice run what starts like this; a quote in front makes it text.
_FORMULA = re.compile(r"[\s]*[=+\-@\t\r|%]")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$@^-])")

# Controls, escapes, direction overrides, line separators and lone surrogates.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    r"""Text for a terminal: what could move the cursor or hide is written as \x1b or \u202e."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def markdown(text: str) -> str:
    """Text inside a Markdown table cell, free of markup, mentions and HTML."""
    return _MARKDOWN.sub(r"\\\1", plain(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")


def csv_cell(text: str) -> str:
    """Text inside a CSV cell that no spreadsheet takes for a formula."""
    safe = plain(text)
    return f"'{safe}" if _FORMULA.match(safe) else safe


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE_CATEGORIES:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
