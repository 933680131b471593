"""What the generated parts of the documentation say; `make docs` runs it through cog.

Each function returns the Markdown of one part.
"""

import json
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby
from typing import Any

from typer.main import get_command

from costdb.cli.commands import application
from costdb.contracts import Coverage, Rule
from costdb.cost.metrics import derived_metrics as known_metrics
from costdb.cost.rules import built_in_rules
from costdb.cost.schema import AnalysisDocument
from costdb.report.diff_schema import DiffDocument
from costdb.report.explain_schema import ExplainDocument

DOMAINS = {"": "ONNX", "tf": "TensorFlow", "aten": "PyTorch"}
SECTIONS = re.compile(r"^\s*(Formula|Source|Example):", re.MULTILINE)


def rules() -> str:
    """Every counting rule: operator, formula, source and example."""
    ordered = sorted(built_in_rules().values(), key=lambda rule: (rule.domain, rule.op))
    lines: list[str] = []
    for domain, members in groupby(ordered, key=lambda rule: rule.domain):
        by_text: dict[str, list[Rule]] = {}
        for rule in members:
            by_text.setdefault(rule.documentation, []).append(rule)
        short = {text: same for text, same in by_text.items() if not SECTIONS.search(text)}
        lines += [f"## {DOMAINS.get(domain, domain)}", ""]
        if short:
            lines += ["| operator | counts |", "| --- | --- |"]
            lines += [f"| {_names(same)} | {_first(text)} |" for text, same in short.items()]
            lines.append("")
        for text, same in by_text.items():
            lines += () if text in short else _rule(text, same)
    return "\n".join(lines)


def _rule(documentation: str, same: list[Rule]) -> Iterator[str]:
    head, *rest = SECTIONS.split(documentation)
    yield f"**{_names(same)}**: {_first(head)}"
    yield ""
    for title, text in zip(rest[::2], rest[1::2], strict=True):
        yield f"- {title}: {_line(text)}"
    if same[0].coverage is not Coverage.EXACT:
        yield f"- Coverage: {same[0].coverage.value}"
    yield ""


def _names(same: list[Rule]) -> str:
    return ", ".join(f"`{rule.op}`" for rule in same)


def _first(text: str) -> str:
    return _line(text).removeprefix("Count ").replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())


def commands() -> str:
    """Every command with its arguments and flags."""
    lines: list[str] = []
    for path, command in _walk("costdb", get_command(application())):
        usage = command.make_context(path, [], resilient_parsing=True).get_usage()
        lines += [f"## {path}", "", f"    {usage.removeprefix('Usage: ')}", "", command.help or ""]
        lines += ["", *_parameters(command.params), ""]
    return "\n".join(lines)


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(f"{path} {name}", child)


def _parameters(parameters: Iterable[Any]) -> Iterator[str]:
    for parameter in parameters:
        help_text = getattr(parameter, "help", None)
        if help_text and "--show-completion" not in parameter.opts:
            is_argument = not parameter.opts[0].startswith("-")
            called = (*parameter.opts, *parameter.secondary_opts)
            if is_argument and parameter.metavar:
                called = (parameter.metavar,)
            names = ", ".join(f"`{name}`" for name in called)
            yield f"- {names}: {' '.join((help_text, *_values(parameter)))}"


def _values(parameter: Any) -> Iterator[str]:
    """What a parameter may be, and what it is if it is not given."""
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield f"One of {', '.join(f'`{member.value}`' for member in kind)}."
    default = parameter.default
    if parameter.show_default and default is not None and default is not False:
        yield f"Default: `{default.value if isinstance(default, Enum) else default}`."


def analysis_schema() -> str:
    """The JSON schema of `costdb.analysis/1`."""
    schema = json.dumps(AnalysisDocument.model_json_schema(), indent=2)
    return f"```json\n{schema}\n```"


def explain_schema() -> str:
    """The JSON schema of `costdb.explain/1`."""
    schema = json.dumps(ExplainDocument.model_json_schema(), indent=2)
    return f"```json\n{schema}\n```"


def derived_metrics() -> str:
    """Every derived metric: name, unit, what it says and its formula."""
    lines = ["| metric | unit | what it is |", "| --- | --- | --- |"]
    for name, metric in known_metrics().items():
        said = _line(metric.documentation.split("Source:")[0])
        lines.append(f"| `{name}` | {metric.unit or 'count'} | {said} |")
    return "\n".join(lines)


def diff_schema() -> str:
    """The JSON schema of `costdb.diff/1`."""
    schema = json.dumps(DiffDocument.model_json_schema(), indent=2)
    return f"```json\n{schema}\n```"
