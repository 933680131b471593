"""Lines over versions as SVG: a pure function from numbers to text.

Colours and fonts come from the page's stylesheet by class, so that one drawing is right in light
and in dark. Every version says its numbers when it is pointed at, without a script; `plot.js` of
the HTML report makes that quicker and reachable by keyboard.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from costdb.report import escape
from costdb.report.numbers import exact, format_change, format_column, format_ratio, quantity
from costdb.report.thinning import corners, divided, thinned

WIDTH, HEIGHT = 460, 230
_RIGHT, _TOP, _BOTTOM = 16, 26, 32

_LABEL_CHARACTERS = 12

# Of more versions than this, those at which nothing changed have no dot and say nothing.
_MOST_DOTS = 120

# Of more than four times this, a line keeps the extremes of so many stretches, and of more areas to
# point at, each is of a stretch.
_STRETCHES = 150
_MOST_READINGS = 2 * _STRETCHES

# A dot of its own can be seen where there are no more than this.
_MOST_SEEN = 400

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
class Flag:
    """A version that has a name of its own, such as an alias."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Size:
    """How large a drawing is, in its own unit, and how large its labels get.

    Attributes:
        width: Of all.
        height: Of all.
        left: What is left free for labels beside the axis.
        character: The width of a character.
        line: The height of a line.
        look: Its class in the stylesheet.
    """

    width: int = WIDTH
    height: int = HEIGHT
    left: int = 72
    character: float = 6.4
    line: float = 11
    look: str = "plot"


SMALL = Size()

# As wide as a page. Its unit is so small on a phone that labels take up twice as many as elsewhere.
WIDE = Size(width=680, height=290, left=88, character=10, line=15, look="plot wide")


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
        flags: Versions that have names.
        links: Position -> the address of what is drawn there; None for a drawing without links.
        notes: Position -> what else is said there.
        step: What is drawn from left to right, one of it.
        ticks: What stands below, if not the tags.
        size: How large it is.
    """

    title: str
    suffix: str
    versions: tuple[str, ...]
    lines: tuple[Line, ...]
    bounds: tuple[Bound, ...] = ()
    marks: tuple[Mark, ...] = ()
    parts: int = 1
    flags: tuple[Flag, ...] = ()
    links: Callable[[int], str] | None = None
    notes: Mapping[int, Sequence[str]] = field(default_factory=dict)
    step: str = "version"
    ticks: tuple[str, ...] | None = None
    size: Size = SMALL

    def written(self, values: Sequence[int]) -> list[str]:
        """Values as text, all with one prefix."""
        if self.parts == 1:
            return format_column(values, self.suffix)
        return [format_ratio(value / self.parts) for value in values]


def svg(plot: Plot) -> str:
    """The drawing as an SVG element, which scales to the width it is given."""
    scale = _Scale(plot)
    size, label = plot.size, escape.markup(_described(plot))
    box = f"0 0 {size.width} {size.height}"
    # An image has no links inside for those who do not see it.
    role = "group" if plot.links else "img"
    return "\n".join(
        [
            f'<svg class="{size.look}" role="{role}" viewBox="{box}" aria-label="{label}">',
            *_grid(plot, scale),
            *reversed(list(_version_labels(plot, scale))),
            *_flags(plot, scale),
            *_bounds(plot, scale),
            *(_line(style, line, scale) for style, line in enumerate(plot.lines)),
            *_dots(plot, scale),
            *_marks(plot, scale),
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
        self.size = plot.size
        self.left = plot.size.left
        self.right = plot.size.width - _RIGHT
        self.bottom = plot.size.height - _BOTTOM

    def x(self, position: float) -> float:
        share = 0.5 if self.single else position / self.last
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, value: int) -> float:
        # As a fraction: a float has too few digits to tell 4.1e18 from 4.1e18 + 2.
        share = float(Fraction(value - self.low, self.high - self.low))
        return round(self.bottom - share * (self.bottom - _TOP), 1)


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
        yield f'<path class="grid" d="M{scale.left} {y}H{scale.right}"/>'
        yield f'<text class="label end" x="{scale.left - 6}" y="{y + 4:.1f}">{label}</text>'


@dataclass(slots=True)
class _Labels:
    """Where labels stand: what would cover another is only said where its version is pointed at."""

    size: Size
    written: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, left: float, right: float, y: float) -> bool:
        """Take a place, unless a part of it is taken."""
        gap = self.size.character
        is_free = not any(
            left < end + gap and start < right + gap and abs(y - height) < self.size.line
            for start, end, height in self.written
        )
        if is_free:
            self.written.append((left, right, y))
        return is_free

    def add_at(self, text: str, x: float) -> bool:
        """Take the place of a text where `_label_place` puts it; all of these in one line."""
        width = len(text) * self.size.character
        left = min(x - width / 2, self.size.width - 1 - width)
        return left > 0 and self.add(left, left + width, 0)


def _version_labels(plot: Plot, scale: _Scale) -> Iterator[str]:
    """From the right, for the last version is the one that is asked about."""
    tags = [_cut(tag) for tag in plot.ticks or plot.versions]
    size, labels = scale.size, _Labels(scale.size)
    widest = max(map(len, tags), default=1) * size.character + 12
    places = max(int((scale.right - scale.left) // widest), 1)
    step = max(-(-len(tags) // places), 1)
    for position in range(len(tags) - 1, -1, -step):
        tag, x = tags[position], scale.x(position)
        if labels.add_at(tag, x):
            place, label = _label_place(tag, x, size), escape.markup(tag)
            yield f'<text class="label {place} y="{size.height - 10}">{label}</text>'


def _label_place(text: str, x: float, size: Size) -> str:
    """The end of a label's class, and where it is: over its place, or at the right edge."""
    if x + len(text) * size.character / 2 > size.width:
        return f'end" x="{size.width - 1}"'
    return f'middle" x="{x}"'


def _cut(tag: str) -> str:
    visible = escape.plain(tag)
    if len(visible) <= _LABEL_CHARACTERS:
        return visible
    return f"{visible[: _LABEL_CHARACTERS - 1]}…"


def _flags(plot: Plot, scale: _Scale) -> Iterator[str]:
    names: dict[int, list[str]] = {}
    for flag in plot.flags:
        names.setdefault(flag.position, []).append(_cut(flag.name))
    labels = _Labels(scale.size)
    # The last version is the one that is asked about.
    for position, called in sorted(names.items(), reverse=True):
        x = scale.x(position)
        yield f'<path class="flag" d="M{x} {_TOP - 10}V{scale.bottom}"/>'
        text = ", ".join(called)
        if labels.add_at(text, x):
            place = _label_place(text, x, scale.size)
            yield f'<text class="label flag {place} y="15">{escape.markup(text)}</text>'


def _bounds(plot: Plot, scale: _Scale) -> Iterator[str]:
    written: list[tuple[float, float]] = []  # where each name ends, and how high it stands
    for bound in plot.bounds:
        y = scale.y(bound.value)
        # A limit lies above its baseline, often closely.
        label_y = y + 12 if bound.kind == "baseline" else y - 4
        beside = (end for end, height in written if abs(height - label_y) < scale.size.line)
        x = max(beside, default=scale.left - 6) + 10
        written.append((x + len(bound.name) * scale.size.character, label_y))
        name = escape.markup(bound.name)
        yield (
            f'<path class="bound {bound.kind}" d="M{scale.left} {y}H{scale.right}"/>'
            f'<text class="label bound {bound.kind}" x="{x:.0f}" y="{label_y:.1f}">{name}</text>'
        )


def _line(style: int, line: Line, scale: _Scale) -> str:
    path: list[str] = []
    pen = "M"
    for position, value in thinned(line.points, _STRETCHES):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{scale.x(position)} {scale.y(value)}")
        pen = "L"
    return f'<path class="line {_look(style)}" data-line="{style}" d="{"".join(path)}"/>'


def _dots(plot: Plot, scale: _Scale) -> Iterator[str]:
    for style, line in enumerate(plot.lines):
        points = line.points if len(line.points) <= _MOST_DOTS else corners(line.points)
        if len(points) > _MOST_SEEN:
            continue
        for position, value in points:
            if value is not None:
                yield (
                    f'<circle class="dot {_look(style)}" data-line="{style}"'
                    f' cx="{scale.x(position)}" cy="{scale.y(value)}" r="2.5"/>'
                )


def _marks(plot: Plot, scale: _Scale) -> Iterator[str]:
    labels = _Labels(scale.size)
    return (_mark(mark, scale, labels) for mark in plot.marks)


def _mark(mark: Mark, scale: _Scale, labels: _Labels) -> str:
    x, y = scale.x(mark.position), scale.y(mark.value)
    width = len(mark.text) * scale.size.character
    anchor, label_x = "middle", max(x, scale.left + width / 2)
    left = label_x - width / 2
    if left + width > scale.right:
        anchor, label_x = "end", scale.size.width - 1
        left = label_x - width
    ring = f'<circle class="ring" cx="{x}" cy="{y}" r="6"/>' if mark.kind != "change" else ""
    # On the side that the line does not come from.
    label_y = min(y + 19, scale.bottom + 10) if mark.text.startswith("-") else max(y - 11, 12)
    place = f'class="label {anchor}" x="{label_x:.1f}" y="{label_y:.1f}"'
    is_told = labels.add(left, left + width, label_y)
    text = f"<text {place}>{escape.markup(mark.text)}</text>" if is_told else ""
    return f'<g class="mark {mark.kind}">{ring}{text}</g>'


def _readings(plot: Plot, scale: _Scale) -> Iterator[str]:
    """For each version an invisible area that says its values when it is pointed at."""
    places = [_read_places(plot, line) for line in plot.lines]
    is_long = len(set().union(*places)) > _MOST_READINGS
    texts = _texts_of_stretches(plot) if is_long else _texts(plot, places)
    positions = sorted(texts)
    edges = [
        scale.x(positions[0]) - 8,
        *(round((scale.x(a) + scale.x(b)) / 2, 1) for a, b in pairwise(positions)),
        scale.x(positions[-1]) + 8,
    ] if positions else []  # fmt: skip
    for position, (left, right) in zip(positions, pairwise(edges), strict=True):
        said = "\n".join(map(escape.markup, texts[position]))
        area = (
            f'<rect class="reading" data-x="{scale.x(position)}" x="{left:.1f}" y="{_TOP}"'
            f' width="{right - left:.1f}" height="{scale.bottom - _TOP}">'
            f"<title>{said}</title></rect>"
        )
        link = plot.links(position) if plot.links else ""
        # The arrow keys go from one to the next; a tabulator through hundreds of them would not do.
        yield f'<a href="{escape.markup(link)}" tabindex="-1">{area}</a>' if link else area


def _read_places(plot: Plot, line: Line) -> set[int]:
    """Where the values of a line are said: of a long one, where something happened."""
    if len(line.points) <= _MOST_DOTS:
        return {position for position, _ in line.points}
    told = {flag.position for flag in plot.flags} | set(plot.notes)
    return told | {position for position, _ in corners(line.points)}


def _texts(plot: Plot, places: Sequence[set[int]]) -> dict[int, list[str]]:
    """Position -> what is said there, for each line at its own places."""
    texts: dict[int, list[str]] = {}
    for line, kept in zip(plot.lines, places, strict=True):
        before: int | None = None
        for position, value in line.points:
            if position in kept:
                texts.setdefault(position, []).append(_reading(plot, line, before, value))
            before = before if value is None else value
    return {
        position: [plot.versions[position], *said, *_told(plot, [position])]
        for position, said in texts.items()
    }


def _texts_of_stretches(plot: Plot) -> dict[int, list[str]]:
    """The same for stretches of versions, at the middle of each."""
    texts = {}
    values = [dict(line.points) for line in plot.lines]
    for stretch in divided(len(plot.versions), _STRETCHES):
        ends = f"{plot.versions[stretch[0]]} to {plot.versions[stretch[-1]]}"
        said = [
            f"{f'{line.name}: ' if len(plot.lines) > 1 else ''}{_reach(plot, known)}"
            for line, at in zip(plot.lines, values, strict=True)
            if (known := [v for place in stretch if (v := at.get(place)) is not None])
        ]
        head = f"{ends}, {quantity(len(stretch), plot.step)}"
        texts[stretch[len(stretch) // 2]] = [head, *said, *_told(plot, stretch)]
    return texts


def _reach(plot: Plot, values: Sequence[int]) -> str:
    """What values of a stretch are: "between 3.10 G and 4.09 G, 3.90 G at its end"."""
    low, high, last = plot.written([min(values), max(values), values[-1]])
    return low if low == high else f"between {low} and {high}, {last} at its end"


def _told(plot: Plot, positions: Sequence[int]) -> Iterator[str]:
    """What is said of versions besides their values: their names, and what was found."""
    yield from (flag.name for flag in plot.flags if flag.position in positions)
    for position in positions:
        yield from plot.notes.get(position, ())


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
    return f"{plot.title} over {quantity(len(plot.versions), plot.step)}, {ends}"


def _look(style: int) -> str:
    return f"s{style % STYLES}"
