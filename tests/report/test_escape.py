"""Hostile names come out inert, in each output."""

import csv
import io
import json

import pytest
from rich.console import Console

from costdb.report import escape, text
from costdb.report.listing import Column, Listing, Unit
from costdb.report.table import print_table

HOSTILE = {
    "ansi": "a\x1b[31mred\x1b]0;title\x07",
    "rich markup": "[bold red]x[/]",
    "line breaks": "a\nb\r\nc\u2028d",
    "direction": "a\u202egpj.exe",
    "null": "a\x00b",
    "surrogate": "a\ud800b",
}


def listing(name: str) -> Listing:
    return Listing(
        (Column("layer"), Column("macs", Unit.COUNT)), [(name, 12)], title=name, footer=(name,)
    )


def printed(name: str) -> str:
    stream = io.StringIO()
    print_table(listing(name), Console(file=stream, width=500, force_terminal=False))
    return stream.getvalue()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_table_holds_no_control_characters(name: str) -> None:
    shown = printed(name)
    assert all(character.isprintable() for line in shown.split("\n") for character in line)
    assert shown.count("\n") == 6


def test_rich_markup_is_shown_and_not_obeyed() -> None:
    assert "[bold red]x[/]" in printed("[bold red]x[/]")


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "|calc", "%x", '=cmd|"/c calc"!A1'],
)
def test_csv_holds_no_formula(name: str) -> None:
    rows = list(csv.reader(io.StringIO(text.comma_separated(listing(name)))))
    assert rows[0] == ["layer", "macs"]
    assert rows[1][0][0] not in "=+-@|% \t"
    assert rows[1][1] == "12"


def test_csv_keeps_ordinary_names_and_exact_numbers() -> None:
    shown = text.comma_separated(
        Listing(
            (Column("layer"), Column("macs", Unit.COUNT)), [('a,"b"', 4_089_184_256), ("", None)]
        )
    )
    assert list(csv.reader(io.StringIO(shown)))[1:] == [['a,"b"', "4089184256"], ["", ""]]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>alert(1)</script>", r"&lt;script&gt;alert\(1\)&lt;/script&gt;"),
        ("[x](javascript:y)", r"\[x\]\(javascript:y\)"),
        ("@everyone #1", r"\@everyone \#1"),
        ("a\nb", r"a\\x0ab"),
        ("`code`", r"\`code\`"),
        ("http://h www.h.example", r"http\://h www\.h.example"),
        ("me@h.example", r"me\@<!-- -->h.example"),
    ],
)
def test_markdown_holds_no_markup(name: str, shown: str) -> None:
    assert escape.markdown(name) == shown
    assert len(text.markdown(listing(name)).split("\n")) == 7


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_keeps_every_name(name: str) -> None:
    assert json.loads(json.dumps({"name": name})) == {"name": name}


def test_plain_text_stays() -> None:
    assert escape.plain("Conv_1 größe 日本") == "Conv_1 größe 日本"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b`c`", "<code>a&#124;b&#96;c&#96;</code>"),
        ("net/conv_1 (3x3)", "<code>net/conv_1 (3x3)</code>"),
        ("_a_", "<code>&#95;a&#95;</code>"),
        ("detector@v1", "<code>detector&#64;<!-- -->v1</code>"),
        ("\x1b\ufffe", "<code>&#92;x1b&#92;ufffe</code>"),
    ],
)
def test_a_code_element_holds_text(name: str, shown: str) -> None:
    assert escape.code(name) == shown


def test_a_comment_names_no_one_and_refers_to_nothing() -> None:
    assert escape.mention_free("@me #1 a@h.example") == (
        "&#64;<!-- -->me &#35;<!-- -->1 a&#64;<!-- -->h.example"
    )


def test_markup_holds_no_element_and_ends_no_attribute() -> None:
    assert escape.markup("<a b=\"c\" d='e'>&\0\uffff") == (
        "&lt;a b=&quot;c&quot; d=&#x27;e&#x27;&gt;&amp;\\x00\\uffff"
    )


def test_a_workflow_command_is_neither_ended_nor_started() -> None:
    assert escape.annotation("50%\n::x") == "50%25\\x0a::x"
    assert escape.annotation_property("a,b::c%") == "a%2Cb%3A%3Ac%25"


def test_a_sarif_message_holds_no_link_and_no_placeholder() -> None:
    assert escape.sarif_message("[a](1) {0} \\") == r"\[a\](1) {{0}} \\"
