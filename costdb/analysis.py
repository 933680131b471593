"""From a file to what it costs, at each operating point that is asked for. No database."""

import logging
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePath

from costdb import canonical
from costdb.cost.engine import cost
from costdb.cost.result import Analysis, Artifact, GraphCost, View
from costdb.cost.rules import RuleTable, built_in_rules, rule_table
from costdb.errors import CostError, UsageError
from costdb.ir import Graph
from costdb.isolation.content import CanonicalGraph, Content, read_content
from costdb.isolation.messages import Request
from costdb.isolation.process import reading_process
from costdb.limits import Limits
from costdb.plugins import rules_of
from costdb.reading import Reading, under_settings
from costdb.settings import OperatingPoint, Settings
from costdb.source import PYTHON_SCHEME, Source

_log = logging.getLogger(__name__)

# File names that say nothing of the model; the folder's name does.
_ANONYMOUS_STEMS = frozenset({"model", "saved_model", "frozen_graph"})

# TensorFlow calls checkpoints `model.ckpt-1000`, and their files that with an ending.
_CHECKPOINT = re.compile(r"(?P<name>.+)\.ckpt(?:-\d+)?(?:\.(?:index|meta|data-\d+-of-\d+))?")


def analyses(
    artifact: str,
    reading: Reading,
    points: Mapping[str, OperatingPoint],
    view: View = View.DEPLOYED,
) -> tuple[Analysis, ...]:
    """Read a file and count what it costs, once for each operating point.

    Args:
        artifact: Path or URL.
        reading: How to read it.
        points: The points of `costdb.toml`.
        view: Whether layers that deployment folds away cost nothing.

    Raises:
        ArtifactError: The file cannot be read or costed, or takes more than the limits allow.
        BindingError: An open size has no value, or a binding does not fit.
        CostError: A number is too large, or an operator has no rule and that is an error.
        UsageError: The reading cannot be understood.
    """
    content, rules = _read(artifact, reading, points)
    return tuple(
        _analysis(content, point, found, _counted(found.graph, rules, view, content, reading))
        for point, found in content.graphs.items()
    )


def version_analyses(
    artifact: str, reading: Reading | None, settings: Settings, model: str | None
) -> tuple[str, tuple[Analysis, ...]]:
    """What a file costs as a version of a model, at the operating points of `costdb.toml` too.

    Args:
        artifact: Path or URL.
        reading: How to read it.
        settings: What `costdb.toml` says.
        model: The model's name; else from `costdb.toml`, else from the file's name.

    Returns:
        The model's name, and an analysis for each operating point.

    Raises:
        ArtifactError, BindingError, CostError, UsageError: As `analyses`.
        ConfigurationError: The file is one of several models.
    """
    configured = settings.models.get(model) if model else settings.model_for(artifact)
    wanted = under_settings(reading, settings)
    found = analyses(artifact, wanted, configured.points if configured else {})
    return model or (configured.name if configured else model_name(artifact)), found


def _read(
    artifact: str, reading: Reading, points: Mapping[str, OperatingPoint]
) -> tuple[Content, RuleTable]:
    """What an artifact holds, and the rules to count it by."""
    if reading.plugins is not None:
        rules = rule_table(reading.plugins.rules)
        return read_content(artifact, reading, points, reading.plugins), rules
    reading.bindings(points)  # what was typed wrongly is said before anything is started
    limits = Limits.parse(reading.limits)
    request = Request(artifact, reading, points, limits, tuple(sys.path))
    with reading_process(request) as process:
        built_in_rules()  # takes as long to load as the child takes to start
        answer = process.answer()
    for problem in answer.plugin_problems:
        _say_once(problem)
    return answer.content, rule_table(rules_of(answer.rule_plugins))


@cache
def _say_once(problem: str) -> None:
    """Tell of a plugin that does not work; once, however many files are read."""
    _log.warning(problem)


def model_name(artifact: str) -> str:
    """What a model is called if no one says: the file's stem, a folder's name, or the factory's.

    Raises:
        UsageError: That can be no name.
    """
    source = Source(artifact)
    path = PurePath(source.location)
    if source.scheme == PYTHON_SCHEME:
        stem = source.location.rpartition(":")[2]
    else:
        if source.is_directory:
            path = Path(path).absolute()
        if match := _CHECKPOINT.fullmatch(path.name):
            path = path.with_name(match["name"])
        stem = path.name if source.is_directory else path.stem
        # Folders that serve a model are called by their version's number alone.
        if stem in _ANONYMOUS_STEMS or (source.is_directory and stem.isdecimal()):
            path = path if path.parent.name else Path(path).absolute()
            stem = path.parent.name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    if not name:
        raise UsageError(f"{artifact!r} gives no name for a model", hint="add --model NAME")
    return name


def _counted(
    graph: Graph, rules: RuleTable, view: View, content: Content, reading: Reading
) -> GraphCost:
    counted = cost(graph, rules, view)
    if reading.strict and counted.unknown_ops:
        listed = ", ".join(f"{op} x{number}" for op, number in counted.unknown_ops.items())
        raise CostError(
            f"{content.location!r} has layers that are not counted: {listed}",
            hint="leave --strict out for a lower bound, or install a plugin with their rules",
        )
    return counted


def _analysis(content: Content, point: str, found: CanonicalGraph, counted: GraphCost) -> Analysis:
    graph = found.graph
    return Analysis(
        artifact=Artifact(content.location, graph.file_format, graph.framework, content.size),
        graph=graph,
        loader=content.loader,
        loader_revision=content.loader_revision,
        structure=found.structure,
        structure_digest=canonical.structure_digest(found.structure),
        names=found.names,
        names_digest=canonical.names_digest(found.names),
        point=point,
        cost=counted,
        warnings=graph.notes,
    )
