"""One version: what it costs, by module and layer, and where its memory peaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from costdb.binding import nearest
from costdb.contracts import COUNT_NAMES
from costdb.cost.result import GraphCost, LayerCost
from costdb.errors import NotInDatabase
from costdb.points import DEFAULT
from costdb.report import icicle
from costdb.report.analysis import (
    Grouping,
    describe_coverage,
    describe_peak,
    describe_shape,
    describe_tensors,
    format_metric,
    reasons_of_unknown,
    totals_listing,
)
from costdb.report.html.figure import Figure, figure
from costdb.report.icicle import Part, is_in, part_of
from costdb.report.numbers import exact, format_count
from costdb.report.plot import WIDE, Line, Mark, Plot
from costdb.server.access import Reader
from costdb.server.names import Point
from costdb.server.pages import links
from costdb.server.pages.layers import (
    COLUMNS,
    ROWS_SHOWN,
    LayerTable,
    Placed,
    layer_table,
)
from costdb.server.pages.metrics import LEADING, check_metric
from costdb.server.pages.rendering import page
from costdb.server.service import Serving
from costdb.store import lineage, read
from costdb.store.aliases import aliases
from costdb.store.records import StoredVersion, TokenScope
from costdb.store.stored import version_cost

router = APIRouter()

_KEY_METRICS = ("macs", "flops", "params", "weight_bytes", "peak_memory_bytes")


@dataclass(frozen=True, slots=True)
class State:
    """What is shown of a version: every state of its page is an address."""

    model: str
    tag: str
    point: str
    metric: str
    scope: str
    by: Grouping
    layer: int | None
    every: bool

    def to(self, **changes: object) -> str:
        """The address of this state, or of one that differs."""
        query: dict[str, object] = {
            "point": self.point,
            "metric": self.metric if self.metric != LEADING else "",
            "scope": self.scope,
            "by": self.by.value if self.by is not Grouping.SCOPE else "",
            "layer": self.layer,
            "every": "1" if self.every else "",
        }
        return links.version(self.model, self.tag, **(query | changes))

    def part(self, part: Part) -> str:
        """The address of a module or a layer."""
        if part.layer is None:
            return self.to(scope=part.path, layer=None)
        return f"{self.to(layer=part.layer)}#layer"


@router.get("/models/{model}/versions")
@router.get("/models/{model}/versions/{tag:path}")
def version(
    *,
    request: Request,
    service: Serving,
    visitor: Reader,
    model: str,
    tag: str = "",
    point: Point = None,
    metric: str = LEADING,
    scope: str = "",
    by: Grouping = Grouping.SCOPE,
    layer: int | None = None,
    every: bool = False,
) -> Response:
    """A version at one operating point, or a module of it."""
    visitor.require(TokenScope.READ, model)
    check_metric(metric, COLUMNS)
    engine = service.engine
    found = read.resolve(engine, f"{model}@{tag}" if tag else model)
    stored = version_cost(engine, found, point or next(iter(found.points), DEFAULT))
    cost = stored.cost
    state = State(model, found.tag, stored.point, metric, scope, by, layer, every)
    placed = _placed(cost, scope)
    table = layer_table(placed, scope, by, metric, top=None if every else ROWS_SHOWN)
    before = lineage.neighbours(engine, [found]).get((found.id, stored.point))
    return page(
        request,
        visitor,
        "version.html",
        version=found,
        state=state,
        metrics=COLUMNS,
        groupings=list(Grouping),
        key=[(name, format_metric(name, cost.totals[name])) for name in _KEY_METRICS],
        totals=totals_listing(cost.totals),
        facts=_facts(stored),
        notes=[describe_coverage(cost), *reasons_of_unknown(cost), *describe_peak(cost)],
        warnings=stored.analysis.warnings,
        aliases=[alias.name for alias in aliases(engine, model) if alias.tag == found.tag],
        previous=before.previous if before else None,
        trail=_trail(state),
        drawing=_icicle(placed, state),
        amount=format_metric(metric, sum(each[metric] for _, each in placed)),
        layers=len(placed),
        table=table,
        table_links=_table_links(table, state),
        table_heads={
            table.sorted_column - COLUMNS.index(metric) + place: state.to(metric=name)
            for place, name in enumerate(COLUMNS)
        },
        memory=_memory(cost, state),
        chosen=_chosen(cost, layer),
    )


def _placed(cost: GraphCost, scope: str) -> list[Placed]:
    """The layers of a module, with their positions. Raises NotInDatabase."""
    placed = [(place, layer) for place, layer in enumerate(cost.layers) if is_in(layer, scope)]
    if scope and not placed:
        scopes = dict.fromkeys(layer.scope for layer in cost.layers)
        raise NotInDatabase(
            f"the version has no module {scope!r}", hint=nearest(scope, scopes, "its modules")
        )
    return placed


def _facts(stored: StoredVersion) -> list[tuple[str, str]]:
    """Where a version comes from; what is not known is left out."""
    version, graph = stored.version, stored.graph
    size = format_count(version.artifact_bytes, "B")
    told = [
        ("branch", version.branch),
        ("ingested", f"{version.created_at:%Y-%m-%d %H:%M} UTC"),
        ("by", version.author),
        ("commit", version.git_sha),
        ("source", version.source),
        ("file", f"{version.artifact_path} ({version.file_format}, {size})"),
        ("SHA-256", version.sha256),
        ("inputs", describe_tensors(graph.inputs)),
        ("outputs", describe_tensors(graph.outputs)),
        ("structure", stored.analysis.structure_digest),
    ]
    return [(name, value) for name, value in told if value]


def _trail(state: State) -> list[tuple[str, str]]:
    """The modules that a module lies in, the outermost first, and their addresses."""
    steps = [("the whole model", state.to(scope="", layer=None))]
    path = ""
    for name in state.scope.split("/") if state.scope else ():
        path = f"{path}/{name}" if path else name
        steps.append((name, state.to(scope=path, layer=None)))
    return steps


def _icicle(placed: Sequence[Placed], state: State) -> Markup | None:
    top = part_of(placed, state.scope, state.metric)
    if not top.amount:
        return None
    # The drawing has escaped what it says.
    return Markup(icicle.svg(top, state.metric, state.part))  # noqa: S704


def _table_links(table: LayerTable, state: State) -> dict[tuple[int, int], str]:
    """The addresses of modules and layers, by their cells."""
    return {
        (row, 0): state.part(Part(key.scope or "", key.name, key.layer))
        for row, key in enumerate(table.keys)
        if key.scope is not None or key.layer is not None
    }


def _memory(cost: GraphCost, state: State) -> Figure | None:
    """Activations that live while each layer runs."""
    peak = cost.peak_position
    if peak is None:
        return None
    values = [layer.live_bytes for layer in cost.layers]
    marks = [Mark(peak, values[peak], format_metric("activation_bytes", values[peak]), "peak")]
    if state.layer is not None and state.layer in range(len(values)) and state.layer != peak:
        marks.append(Mark(state.layer, values[state.layer], "", "chosen"))
    drawn = Plot(
        "bytes of activations that live",
        "B",
        tuple(f"{place:,} {layer.name}" for place, layer in enumerate(cost.layers, 1)),
        (Line("live", tuple(enumerate(values))),),
        marks=tuple(marks),
        links=lambda place: f"{state.to(layer=place)}#layer",
        step="layer",
        ticks=tuple(map(exact, range(1, len(values) + 1))),
        size=WIDE,
    )
    return figure("Activations that live while each layer runs", drawn)


def _chosen(cost: GraphCost, position: int | None) -> dict[str, Any] | None:
    """The layer that is asked for. Raises NotInDatabase."""
    if position is None:
        return None
    if position not in range(len(cost.layers)):
        raise NotInDatabase(
            f"the version has no layer {position + 1:,}",
            hint=f"it has {len(cost.layers):,} layers",
        )
    layer = cost.layers[position]
    return {"number": exact(position + 1), "layer": layer, "facts": _layer_facts(layer)}


def _layer_facts(layer: LayerCost) -> list[tuple[str, str]]:
    """All that is known of a layer."""
    shapes = [
        (name, ", ".join(map(describe_shape, of)))
        for name, of in (("inputs", layer.input_shapes), ("outputs", layer.output_shapes))
    ]
    told = [
        ("module", layer.scope or "(top)"),
        ("operator", layer.op),
        *((name, text or "none") for name, text in shapes),
        ("computes in", layer.dtype.value if layer.dtype else "unknown"),
        ("counted", "folded away at deployment" if layer.folded else layer.coverage.value),
        *((("note", layer.note),) if layer.note else ()),
    ]
    numbers = [*COUNT_NAMES, "flops", *COLUMNS[2:], "buffers", "memory_accesses", "live_bytes"]
    counts = {
        name: getattr(layer.counts, name) if name in COUNT_NAMES else layer[name]
        for name in dict.fromkeys(numbers)
    }
    told += [(name, exact(value)) for name, value in counts.items() if value]
    return told
