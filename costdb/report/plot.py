"""Lines over versions as SVG: a pure function from numbers to text.

Colours and fonts come from the page's stylesheet by class, so that one drawing is right in light
and in dark. Every version says its numbers when it is pointed at, without a script; `plot.js` of
the HTML report makes that quicker and reachable by keyboard.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from costdb.report import escape
from costdb.report.numbers import exact, format_change, format_column, format_ratio

WIDTH, HEIGHT = 460, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 26, 32

# About what a character of the labels takes, in the drawing's unit.
_CHARACTER = 6.4
_LABEL_CHARACTERS = 12

# Of more versions than this, those at which nothing changed have no dot and say nothing.
_MOST_DOTS = 120

# How many lines have a look of their own in the stylesheet.
STYLES = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One series.

    Attributes:
        name: What it is of.
        points: The version's position and its value, by position; None is an unknown value, at
            which the line is broken.
    """

    name: str
    points: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A level that holds for all versions: kind is "limit", "budget" or "baseline"."""

    name: str
    value: int
    kind: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A version that something is said of; kind is a verdict, or "change"."""

    position: int
    value: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn.

    Attributes:
        title: What it is of, for those who do not see it.
        suffix: The unit of the values, such as "B".
        versions: The tags, from left to right.
        lines: At least one.
        bounds: Levels to compare with.
        marks: Versions to look at.
        parts: Into how many parts 1 is divided: values are integers, those of a ratio may be
            millionths.
    """

    title: str
    suffix: str
    versions: tuple[str, ...]
    lines: tuple[Line, ...]
    bounds: tuple[Bound, ...] = ()
    marks: tuple[Mark, ...] = ()
    parts: int = 1

    def written(self, values: Sequence[int]) -> list[str]:
        """Values as text, all with one prefix."""
        if self.parts == 1:
            return format_column(values, self.suffix)
        return [format_ratio(value / self.parts) for value in values]


def svg(plot: Plot) -> str:
    """The drawing as an SVG element, which scales to the width it is given."""
    scale = _Scale(plot)
    label = escape.markup(_described(plot))
    return "\n".join(
        [
            f'<svg class="plot" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{label}">',
            *_grid(plot, scale),
            *_version_labels(plot, scale),
            *(_bound(bound, scale) for bound in plot.bounds),
            *(_line(style, line, scale) for style, line in enumerate(plot.lines)),
            *_dots(plot, scale),
            *(_mark(mark, scale) for mark in plot.marks),
            *_readings(plot, scale),
            "</svg>",
        ]
    )


class _Scale:
    """From positions and values to coordinates."""

    def __init__(self, plot: Plot) -> None:
        levels = [value for line in plot.lines for _, value in line.points if value is not None]
        levels += [bound.value for bound in plot.bounds]
        levels += [mark.value for mark in plot.marks]
        self.low, self.high = _range(levels or [0])
        self.last = max(len(plot.versions) - 1, 1)
        self.single = len(plot.versions) == 1

    def x(self, position: float) -> float:
        share = 0.5 if self.single else position / self.last
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: int) -> float:
        # As a fraction: a float has too few digits to tell 4.1e18 from 4.1e18 + 2.
        share = float(Fraction(value - self.low, self.high - self.low))
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _range(levels: Sequence[int]) -> tuple[int, int]:
    """The lowest and the highest value that are drawn: from zero, unless the change is small."""
    low, high = min(levels), max(levels)
    if 2 * low > high:
        room = max((high - low) // 6, (high // 50 if low == high else 0), 1)
        return max(low - room, 0), high + room
    return 0, max(high + high // 10, 1)


def _ticks(low: int, high: int) -> list[int]:
    """Round values between two, at most six."""
    step = 1
    while (high - low) // step > 5:
        leading = int(str(step)[0])
        step = step * 5 // 2 if leading == 2 else step * 2
    return list(range(-(-low // step) * step, high + 1, step))


def _grid(plot: Plot, scale: _Scale) -> Iterator[str]:
    ticks = _ticks(scale.low, scale.high)
    for tick, label in zip(ticks, plot.written(ticks), strict=True):
        y = scale.y(tick)
        yield f'<path class="grid" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/>'
        yield f'<text class="label end" x="{_LEFT - 6}" y="{y + 4:.1f}">{label}</text>'


def _version_labels(plot: Plot, scale: _Scale) -> Iterator[str]:
    tags = [_cut(tag) for tag in plot.versions]
    widest = max(map(len, tags), default=1) * _CHARACTER + 12
    places = max(int((WIDTH - _LEFT - _RIGHT) // widest), 1)
    step = max(-(-len(tags) // places), 1)
    # Counted from the right, for the last version is the one that is asked about.
    shown = sorted(range(len(tags) - 1, -1, -step))
    for position in shown:
        x = scale.x(position)
        overhang = x + len(tags[position]) * _CHARACTER / 2 - WIDTH
        x = round(min(x, x - overhang), 1) if overhang > 0 else x
        label = escape.markup(tags[position])
        yield f'<text class="label middle" x="{x}" y="{HEIGHT - 10}">{label}</text>'


def _cut(tag: str) -> str:
    visible = escape.plain(tag)
    if len(visible) <= _LABEL_CHARACTERS:
        return visible
    return f"{visible[: _LABEL_CHARACTERS - 1]}…"


def _bound(bound: Bound, scale: _Scale) -> str:
    y = scale.y(bound.value)
    # A limit lies above its baseline, often closely.
    label_y = y + 12 if bound.kind == "baseline" else y - 4
    name = escape.markup(bound.name)
    return (
        f'<path class="bound {bound.kind}" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/>'
        f'<text class="label bound {bound.kind}" x="{_LEFT + 4}" y="{label_y:.1f}">{name}</text>'
    )


def _line(style: int, line: Line, scale: _Scale) -> str:
    path: list[str] = []
    pen = "M"
    for position, value in _corners(line):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{scale.x(position)} {scale.y(value)}")
        pen = "L"
    return f'<path class="line {_look(style)}" data-line="{style}" d="{"".join(path)}"/>'


def _corners(line: Line) -> list[tuple[int, int | None]]:
    """The points at which a line bends, breaks or ends."""
    points = line.points
    inner = [
        point
        for before, point, after in zip(points, points[1:], points[2:], strict=False)
        if not before[1] == point[1] == after[1]
    ]
    return [*points[:1], *inner, *points[1:][-1:]]


def _dots(plot: Plot, scale: _Scale) -> Iterator[str]:
    for style, line in enumerate(plot.lines):
        points = line.points if len(line.points) <= _MOST_DOTS else _corners(line)
        for position, value in points:
            if value is not None:
                yield (
                    f'<circle class="dot {_look(style)}" data-line="{style}"'
                    f' cx="{scale.x(position)}" cy="{scale.y(value)}" r="2.5"/>'
                )


def _mark(mark: Mark, scale: _Scale) -> str:
    x, y = scale.x(mark.position), scale.y(mark.value)
    half = len(mark.text) * _CHARACTER / 2
    anchor, label_x = "middle", max(x, _LEFT + half)
    if label_x + half > WIDTH - _RIGHT:
        anchor, label_x = "end", WIDTH - 1
    ring = f'<circle class="ring" cx="{x}" cy="{y}" r="6"/>' if mark.kind != "change" else ""
    # On the side that the line does not come from.
    label_y = min(y + 19, HEIGHT - _BOTTOM + 10) if mark.text.startswith("-") else max(y - 11, 12)
    place = f'class="label {anchor}" x="{label_x:.1f}" y="{label_y:.1f}"'
    text = f"<text {place}>{escape.markup(mark.text)}</text>"
    return f'<g class="mark {mark.kind}">{ring}{text}</g>'


def _readings(plot: Plot, scale: _Scale) -> Iterator[str]:
    """For each version an invisible area that says its values when it is pointed at."""
    texts: dict[int, list[str]] = {}
    for line in plot.lines:
        before: int | None = None
        kept = {position for position, _ in _corners(line)}
        for position, value in line.points:
            if len(line.points) <= _MOST_DOTS or position in kept:
                texts.setdefault(position, []).append(_reading(plot, line, before, value))
            before = before if value is None else value
    positions = sorted(texts)
    edges = [
        scale.x(positions[0]) - 8,
        *(round((scale.x(a) + scale.x(b)) / 2, 1) for a, b in pairwise(positions)),
        scale.x(positions[-1]) + 8,
    ] if positions else []  # fmt: skip
    for position, (left, right) in zip(positions, pairwise(edges), strict=True):
        said = "\n".join(map(escape.markup, [plot.versions[position], *texts[position]]))
        yield (
            f'<rect class="reading" data-x="{scale.x(position)}" x="{left:.1f}" y="{_TOP}"'
            f' width="{right - left:.1f}" height="{HEIGHT - _TOP - _BOTTOM}">'
            f"<title>{said}</title></rect>"
        )


def _reading(plot: Plot, line: Line, before: int | None, value: int | None) -> str:
    name = f"{line.name}: " if len(plot.lines) > 1 else ""
    if value is None:
        return f"{name}not comparable"
    (short,) = plot.written([value])
    in_full = "" if plot.parts > 1 or short.startswith(exact(value)) else f" ({exact(value)})"
    moved = "" if before is None or before == value else f", {format_change(before, value)}"
    return f"{name}{short}{in_full}{moved}"


def _described(plot: Plot) -> str:
    """What the drawing shows, in a sentence."""
    first_line = plot.lines[0] if plot.lines else Line("", ())
    known = [(position, value) for position, value in first_line.points if value is not None]
    if not known:
        return f"{plot.title}: no values"
    (first, old), (last, new) = known[0], known[-1]
    start, end = (written for value in (old, new) for written in plot.written([value]))
    ends = f"from {start} at {plot.versions[first]} to {end} at {plot.versions[last]}"
    return f"{plot.title} over {len(plot.versions)} versions, {ends}"


def _look(style: int) -> str:
    return f"s{style % STYLES}"
