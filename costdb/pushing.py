"""What goes between a client and a server: analyses with their graphs, and a push of some.

A carried analysis is `costdb.analysis/1` with the graph's canonical JSON beside it, so that whoever
gets it can count again. A push, `costdb.push/1`, is a version of a model with its analyses.

Import it where such JSON is read or written: pydantic is not on the path of the other commands.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from costdb import canonical
from costdb.canonical_schema import Items, NamesForm, Number, StructureForm, Text, Word
from costdb.caps import MAX_NESTING
from costdb.cost.document import analysis_document
from costdb.cost.engine import cost
from costdb.cost.result import Analysis, Artifact, GraphCost, View
from costdb.cost.rules import RuleTable
from costdb.cost.schema import AnalysisDocument, graph_cost
from costdb.errors import BrokenArtifact, CostdbError
from costdb.ir import Graph, Tensor

PUSH_SCHEMA = "costdb.push/1"

_HINT = "push with a costdb of the server's version"

# What tells where a version comes from: a commit, a name, the URL of a job.
_LONGEST_ORIGIN = 2000
MOST_POINTS = 256

# Of an object. Each key may be a mistake, and all mistakes of an object are told.
_MOST_KEYS = 100_000

# Retraining repeats structures: a server sees few different ones at a time.
_GRAPHS_REMEMBERED = 32
_LARGEST_REMEMBERED_BYTES = 1 << 20

_log = logging.getLogger(__name__)


class CarriedAnalysis(BaseModel):
    """An analysis with its graph."""

    model_config = ConfigDict(frozen=True)

    analysis: AnalysisDocument
    loader: Word = Field(description="The loader's name.")
    loader_revision: Number = Field(description="The loader's revision.")
    structure: dict[Text, Any] = Field(description="The graph, without names: canonical JSON.")
    names: dict[Text, Any] = Field(description="The names that the structure leaves out.")


Origin = Annotated[str, Field(max_length=_LONGEST_ORIGIN)]


class Push(BaseModel):
    """A version of a model with what it costs at each operating point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["costdb.push/1"] = Field(alias="schema")
    model: str = Field(description="The model's name.", examples=["detector"])
    tag: str = Field(description="The version, unique in its model.", examples=["v3"])
    branch: str = Field("main", description="The line that the version continues.")
    git_sha: Origin | None = Field(None, description="The commit that the model was made from.")
    author: Origin | None = Field(None, description="Who made it.")
    source: Origin | None = Field(None, description="Where it comes from: a job's URL.")
    sha256: str | None = Field(
        None, description="The SHA-256 of the file.", pattern="^[0-9a-f]{64}$"
    )
    replace: bool = Field(
        default=False, description="Whether the tag may stand for another structure from now on."
    )
    analyses: Items[CarriedAnalysis] = Field(min_length=1, max_length=MOST_POINTS)


def carried_document(analysis: Analysis) -> dict[str, Any]:
    """An analysis with its graph as a JSON object; `json.dumps` writes any name in it."""
    return {
        "analysis": analysis_document(analysis),
        "loader": analysis.loader,
        "loader_revision": analysis.loader_revision,
        "structure": json.loads(analysis.structure),
        "names": json.loads(analysis.names),
    }


def push_document(
    analyses: Sequence[Analysis],
    *,
    model: str,
    tag: str,
    branch: str = "main",
    git_sha: str | None = None,
    author: str | None = None,
    source: str | None = None,
    sha256: str | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """A version as `costdb.push/1`; the arguments are those of `costdb.store.write.ingest`."""
    return {
        "schema": PUSH_SCHEMA,
        "model": model,
        "tag": tag,
        "branch": branch,
        "git_sha": git_sha,
        "author": author,
        "source": source,
        "sha256": sha256,
        "replace": replace,
        "analyses": [carried_document(analysis) for analysis in analyses],
    }


def json_value(text: bytes) -> Any:
    """JSON from outside. Raises BrokenArtifact where it is none, or larger than any of costdb's."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_hook=_bounded)
    except RecursionError as error:
        raise _broken("nests deeper than any model") from error
    except ValueError as error:  # UnicodeDecodeError among them
        raise _broken(f"is no JSON: {error}") from error


_Form = TypeVar("_Form", bound=BaseModel)


def checked(form: type[_Form], value: Any) -> _Form:
    """A JSON value as the form that it is to have. Raises BrokenArtifact."""
    try:
        return form.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:100] for part in first["loc"])
        raise _broken(f"is wrong at {where or 'its top'}: {first['msg']}") from error
    except RecursionError as error:
        raise _broken("nests deeper than any model") from error


# What a graph costs, found by its structure and names; both are canonical JSON.
Recount = Callable[[bytes, bytes], tuple[Graph, GraphCost]]


def recount_by(rules: RuleTable) -> Recount:
    """Counts graphs by some rules. Graphs of a usual size that came lately are not counted again.

    The function that is returned raises as `carried_analysis` does.
    """

    def count(structure: bytes, names: bytes) -> tuple[Graph, GraphCost]:
        graph = _graph(structure, names)
        return graph, _counted(graph, rules)

    remembered = lru_cache(maxsize=_GRAPHS_REMEMBERED)(count)

    def counted(structure: bytes, names: bytes) -> tuple[Graph, GraphCost]:
        is_usual = len(structure) + len(names) <= _LARGEST_REMEMBERED_BYTES
        return (remembered if is_usual else count)(structure, names)

    return counted


def carried_analysis(document: CarriedAnalysis, recount: Recount | None = None) -> Analysis:
    """The analysis that was carried.

    Args:
        document: What arrived.
        recount: Counts its graph again; None to believe the numbers that arrived.

    Raises:
        BrokenArtifact: It contradicts itself, or is no graph that costdb would have written.
        CostError: A number does not fit a 64-bit integer.
    """
    said = document.analysis
    structure, names = map(_canonical, (document.structure, document.names))
    digest = canonical.structure_digest(structure)
    if digest != said.artifact.structure:
        raise _broken(f"has the structure {digest}, and says {said.artifact.structure[:100]!r}")
    if recount is None:
        graph = _graph(structure, names)
        counted = _believed(said, graph)
    elif said.view is not View.DEPLOYED:
        raise _broken(f"is of the view {said.view.value!r} instead of the deployed one")
    else:
        graph, counted = recount(structure, names)
    return Analysis(
        artifact=Artifact(
            said.artifact.path, graph.file_format, graph.framework, said.artifact.bytes
        ),
        graph=graph,
        loader=document.loader,
        loader_revision=document.loader_revision,
        structure=structure,
        structure_digest=digest,
        names=names,
        names_digest=canonical.names_digest(names),
        point=said.point,
        cost=counted,
        warnings=tuple(said.warnings),
    )


def _canonical(value: dict[str, Any]) -> bytes:
    try:
        return canonical.canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise _broken(f"holds what canonical JSON does not: {error}") from error


def _graph(structure: bytes, names: bytes) -> Graph:
    """The graph, if it is as costdb writes graphs: sorted, and numbered in its order."""
    checked(StructureForm, json.loads(structure))
    checked(NamesForm, json.loads(names))
    try:
        graph = canonical.graph_from_json(structure, names)
    except BrokenArtifact as error:
        raise _broken("has a structure and names that do not fit each other") from error
    _check_order(graph, frozenset(), 0)
    again = canonical.structure_json(graph), canonical.names_json(graph)
    if again != (structure, names):
        raise _broken("has tensors of one name, or not in the order in which they are read")
    return graph


def _check_order(graph: Graph, captured: frozenset[str], depth: int) -> None:
    """See that each tensor is made once, and before it is read. Raises BrokenArtifact."""
    if depth > MAX_NESTING:
        raise _broken("nests deeper than any model")
    known = {*captured, *(tensor.name for tensor in graph.inputs)}
    for layer in graph.layers:
        _check_known(layer.reads, known, layer.name)
        for body in layer.bodies:
            _check_order(body.graph, frozenset(t.name for t in layer.captures), depth + 1)
        for tensor in layer.outputs:
            if tensor.name in known:
                raise _broken(f"makes {tensor.name!r} twice")
            known.add(tensor.name)
    _check_known(graph.outputs, known, "the end")


def _check_known(tensors: Iterable[Tensor], known: set[str], reader: str) -> None:
    for tensor in tensors:
        if tensor.name not in known and not tensor.role.is_stored:
            raise _broken(f"makes {tensor.name!r} only after {reader!r} reads it, or never")


def _believed(said: AnalysisDocument, graph: Graph) -> GraphCost:
    try:
        found = graph_cost(said)
    except ValueError as error:
        raise _broken(str(error)) from error
    if len(found.layers) != sum(1 for _ in graph.all_layers()):
        raise _broken(f"has costs of {len(found.layers)} layers, and a graph of others")
    return found


def _counted(graph: Graph, rules: RuleTable) -> GraphCost:
    try:
        return cost(graph, rules)
    except CostdbError:
        raise
    except Exception as error:
        # Rules believe loaders, and this graph may be by none of them.
        _log.warning("a graph that was pushed cannot be counted", exc_info=True)
        raise _broken(f"cannot be counted: {type(error).__name__}: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _bounded(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > _MOST_KEYS:
        raise _broken(f"has an object of more than {_MOST_KEYS:,} keys")
    return value


def _broken(what: str) -> BrokenArtifact:
    return BrokenArtifact(f"what was sent {what}", hint=_HINT)
