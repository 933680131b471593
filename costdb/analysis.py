"""From a file to what it costs, at each operating point that is asked for. No database."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePath

from costdb import canonical
from costdb.cost.engine import cost
from costdb.cost.result import Analysis, Artifact, GraphCost, View
from costdb.cost.rules import RuleTable, rule_table
from costdb.errors import CostError, UsageError
from costdb.ir import Graph
from costdb.plugins import Loader, choose_loader, discover
from costdb.reading import Reading
from costdb.settings import OperatingPoint
from costdb.source import PYTHON_SCHEME, Source

# File names that say nothing of the model; the folder's name does.
_ANONYMOUS_STEMS = frozenset({"model", "saved_model", "frozen_graph"})


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
        ArtifactError: The file cannot be read or costed.
        BindingError: An open size has no value, or a binding does not fit.
        CostError: A number is too large, or an operator has no rule and that is an error.
        UsageError: The reading cannot be understood.
    """
    bound = reading.bindings(points)
    plugins = discover() if reading.plugins is None else reading.plugins
    rules = rule_table(plugins.rules)
    with Source(artifact) as source:
        loader = choose_loader(source, plugins, reading.loader)
        graphs = {name: loader.load(source, binding) for name, binding in bound.items()}
        size = 0 if source.scheme == PYTHON_SCHEME or source.is_directory else source.size
    return tuple(
        _analysis(
            graph,
            loader,
            Artifact(source.location, graph.file_format, graph.framework, size),
            point,
            _counted(graph, rules, view, source.location, strict=reading.strict),
        )
        for point, graph in graphs.items()
    )


def model_name(artifact: str) -> str:
    """What a model is called if no one says: the file's stem, its folder's name, or the factory's.

    Raises:
        UsageError: That can be no name.
    """
    source = Source(artifact)
    path = PurePath(source.location)
    if source.scheme == PYTHON_SCHEME:
        stem = source.location.rpartition(":")[2]
    elif path.stem in _ANONYMOUS_STEMS:
        path = path if path.parent.name else Path(path).absolute()
        stem = path.parent.name
    else:
        stem = path.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    if not name:
        raise UsageError(f"{artifact!r} gives no name for a model", hint="add --model NAME")
    return name


def _counted(
    graph: Graph, rules: RuleTable, view: View, location: str, *, strict: bool
) -> GraphCost:
    counted = cost(graph, rules, view)
    if strict and counted.unknown_ops:
        listed = ", ".join(f"{op} x{number}" for op, number in counted.unknown_ops.items())
        raise CostError(
            f"{location!r} has layers that are not counted: {listed}",
            hint="leave --strict out for a lower bound, or install a plugin with their rules",
        )
    return counted


def _analysis(
    graph: Graph, loader: Loader, artifact: Artifact, point: str, counted: GraphCost
) -> Analysis:
    structure, names = canonical.structure_json(graph), canonical.names_json(graph)
    return Analysis(
        artifact=artifact,
        graph=graph,
        loader=loader.name,
        loader_revision=loader.revision,
        structure=structure,
        structure_digest=canonical.structure_digest(structure),
        names=names,
        names_digest=canonical.names_digest(names),
        point=point,
        cost=counted,
        warnings=graph.notes,
    )
