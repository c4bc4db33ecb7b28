"""Chart layout: computes coordinates for scales, lines, columns and labels; no words, no colours.

Coordinates are per mille of the drawing's width and height, from the top left. Lines are stretched to the page and
labels are text beside them, so a chart is sharp and readable at every width. Does not belong here: maps (`maps.py`),
markup (`templates/`) and style (`style.css`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

from assets.site.queries import Point
from assets.site.series import segments
from sources.common.periods import Period

# the least distance of two labels at a line's end, per mille of the plot's height (1.2 of 22 rem)
LABEL_GAP = 56
# the width of a break's words on a telephone
BREAK_GAP = 300
# a plot's axis begins at zero when the least value is below this share of the largest
FROM_ZERO = 0.45
# years looked back where two series of different size are compared as an index
WINDOW = 10


@cache
def position(period: str) -> Fraction:
    """The beginning of a period on an axis of years."""
    return Period.parse(period).position


@dataclass(frozen=True)
class Scale:
    """Values to per mille of the height, with round ticks."""

    low: float
    high: float
    ticks: list[float]

    def at(self, value: float) -> int:
        return round(1000 * (1 - (value - self.low) / (self.high - self.low)))


def scale(values: Iterable[float], zero: bool = False, ticks: int = 4) -> Scale:
    """A scale over `values` that ends at round numbers; from zero where `zero`, or where zero is not far."""
    values = list(values)
    low, high = min(values), max(values)
    if zero or (low >= 0 and low < FROM_ZERO * high):
        low = min(0.0, low)
    if low == high:
        low, high = (low if zero else low - abs(low) / 10 - 1), high + abs(high) / 10 + 1
    step = nice_step((high - low) / ticks)
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    count = round((high - low) / step)
    return Scale(low, high, [round(low + i * step, 10) for i in range(count + 1)])


@dataclass
class Dot:
    """A point at its place in a drawing; `hollow` if the figure is not final."""

    x: int
    y: int
    point: Point
    value: float
    hollow: bool


@dataclass
class Line:
    """One territory's line: `solid` and `dashed` are SVG paths, dashed where figures are estimates or incomplete.

    `lone` marks the values with no neighbour, which no line shows.
    """

    geo: str
    role: str
    solid: str
    dashed: str
    lone: str
    dots: list[Dot]
    last: Dot
    label_y: int | None = None


@dataclass
class Way:
    """The straight lines from a target's baseline over its milestones to the target, the last mark being the target."""

    role: str
    target: dict[str, Any]
    path: str
    marks: list[tuple[int, int, str, float]]


@dataclass
class Plot:
    """Lines with the ticks of both axes and the marks of breaks."""

    lines: list[Line]
    y_ticks: list[tuple[int, float]]
    x_ticks: list[tuple[int, str, bool]]
    breaks: list[tuple[float, str, bool]]
    from_zero: bool
    zero_y: int | None
    hidden: list[str] = field(default_factory=list)
    based: list[str] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)


def lines_plot(
    series: dict[str, list[Point]],
    roles: dict[str, str],
    until: str | None,
    indexed: bool = False,
    targets: list[dict[str, Any]] | None = None,
) -> Plot | None:
    """Lines over time; `roles` orders and names the territories (`ours` first keep their labels).

    `indexed`: from the base of each run of the first territory on, as an index; what has no value at the base is left
    out. `targets` are rows of the table of that name, with their results. None where no territory has two values.
    """
    complete = until or max(
        (p.period for points in series.values() for p in points if p.value is not None), default=""
    )
    bases = index_bases(series.get(next(iter(roles)), []), complete) if indexed else []
    values: dict[str, list[list[tuple[Point, float]]]] = {}
    for geo in roles:
        runs = segments(series.get(geo, []))
        if valued := [run for base in bases for run in rebased(runs, base)] if indexed else with_values(runs):
            values[geo] = valued
    flat = [value for drawn in values.values() for run in drawn for _, value in run]
    if len(flat) < 2:
        return None
    aims = [(target, steps(target)) for target in targets or [] if target["geo"] in values]
    heads = [value for _, way in aims for _, value in way]
    # room for the words above a target's mark
    room = [max(heads) + 0.15 * (max(flat + heads) - min(flat + heads))] if heads else []
    axis = scale([*flat, *heads, *room])
    periods = {point.period for drawn in values.values() for run in drawn for point, _ in run}
    periods |= {period for _, way in aims for period, _ in way}
    first, last = min(map(position, periods)), max(map(position, periods))
    span = (last - first) or 1

    def x(period: str) -> int:
        return round(1000 * (position(period) - first) / span)

    lines = []
    for geo, drawn in values.items():
        solid: list[str] = []
        dashed: list[str] = []
        lone: list[str] = []
        dots: list[Dot] = []
        for run in drawn:
            placed = [Dot(x(p.period), axis.at(value), p, value, unfinished(p)) for p, value in run]
            (solid if len(run) > 1 else lone).append(path([d for d in placed if not d.hollow]))
            for a, b in zip(placed, placed[1:], strict=False):
                if b.hollow:
                    dashed.append(path([a, b]))
            dots += placed
        lines.append(Line(geo, roles[geo], "".join(solid), "".join(dashed), "".join(lone), dots, dots[-1]))
    plot = Plot(
        lines,
        [(axis.at(tick), tick) for tick in axis.ticks],
        year_ticks(first, last),
        break_marks([drawn for geo, drawn in values.items() if roles[geo] != "peer"], x),
        axis.low == 0,
        axis.at(0) if axis.low <= 0 <= axis.high else None,
        based=bases,
        ways=[
            Way(
                roles[target["geo"]],
                target,
                path_through([(x(period), axis.at(value)) for period, value in way]),
                [(x(period), axis.at(value), period, value) for period, value in way[1:]],
            )
            for target, way in aims
        ],
    )
    place_labels(plot)
    return plot


def rebased(runs: list[list[Point]], base: str) -> list[list[tuple[Point, float]]]:
    """The run that holds the period `base`, from there on, as an index with 100 at `base`."""
    for run in runs:
        start = next((i for i, p in enumerate(run) if p.period == base), None)
        if start is not None and (at_base := run[start].value) and len(run) > start + 1:
            (valued,) = with_values([run[start:]])
            return [[(p, 100 * value / at_base) for p, value in valued]]
    return []


def with_values(runs: list[list[Point]]) -> list[list[tuple[Point, float]]]:
    """Each point of `runs` with its value; points without one are left out."""
    return [[(p, p.value) for p in run if p.value is not None] for run in runs]


def unfinished(point: Point) -> bool:
    """Provisional, estimated or forecast, or of a period that is not complete."""
    return point.truncated or point.provisional or any(letter in (point.flag or "") for letter in "pesf")


def path(dots: list[Dot]) -> str:
    """An SVG path through the places of `dots`."""
    return path_through([(dot.x, dot.y) for dot in dots])


def path_through(points: list[tuple[int, int]]) -> str:
    """An SVG path through `points`; one alone gives a mark of no length, which round caps make visible."""
    if not points:
        return ""
    (x, y), *rest = points
    text = f"M{x} {y}"
    for nx, ny in rest:
        text += f"l{nx - x} {ny - y}"
        x, y = nx, ny
    return text if rest else text + "h0"


def steps(target: dict[str, Any]) -> list[tuple[str, float]]:
    """`(period, value)` of a target's baseline, milestones and aim, in order."""
    goals = {row["period"]: row["goal"] for row in target["results"] if row["point"] != "latest"}
    return [(target["baseline_period"], target["baseline_value"]), *sorted(goals.items())]


def break_marks(
    values: list[list[list[tuple[Point, float]]]], x: Callable[[str], int]
) -> list[tuple[float, str, bool]]:
    """Marks of every break in the lines that have a label, half a year before the first period after it.

    A peer's break is a gap in its own line: a rule across the chart would part series that are whole.
    """
    breaks = {run[0][0].period for runs in values for run in runs if run[0][0].break_before}
    return labelled([(max(0, x(period) - (x("2001") - x("2000")) // 2), period) for period in sorted(breaks)])


def labelled(breaks: list[tuple[float, str]]) -> list[tuple[float, str, bool]]:
    """`(position, first period after the break, whether it has words)`, from the left.

    The words stand to the left of their line: a break close to the one before it has no room for any. The note below
    says what such a line means.
    """
    before = [-BREAK_GAP, *(position for position, _ in breaks)]
    return [
        (position, period, position - last >= BREAK_GAP)
        for last, (position, period) in zip(before, breaks, strict=False)
    ]


def year_ticks(first: Fraction, last: Fraction, most: int = 10) -> list[tuple[int, str, bool]]:
    """`(position, year, minor)` of round years; minor ones give way on narrow pages."""
    years = math.floor(last) - math.ceil(first)
    step = next(step for step in (1, 2, 5, 10, 20, 50) if years / step <= most)
    start, end = math.ceil(first), math.floor(last)
    chosen = [year for year in range(start, end + 1) if year % step == 0]
    span = (last - first) or 1
    return [
        (round(1000 * (year - first) / span), str(year), (len(chosen) - 1 - i) % 2 == 1)
        for i, year in enumerate(chosen)
    ]


def place_labels(plot: Plot) -> None:
    """Give the lines' labels places at the right that do not touch; ours are moved apart, others are left out."""
    taken: list[int] = []
    for line in sorted(plot.lines, key=lambda line: ORDER.index(line.role)):
        wanted = line.last.y
        if line.role in ("seat", "region", "country"):
            offsets = sorted(range(-400, 401, 8), key=abs)
            spots = (min(985, max(15, wanted + offset)) for offset in offsets)
            line.label_y = next(
                (y for y in spots if all(abs(y - other) >= LABEL_GAP for other in taken)), wanted
            )
        elif all(abs(wanted - other) >= LABEL_GAP for other in taken):
            line.label_y = wanted
        else:
            plot.hidden.append(line.geo)
            continue
        taken.append(line.label_y)
    # the last drawn lies on top
    plot.lines.sort(key=lambda line: -ORDER.index(line.role))


ORDER = ("region", "seat", "country", "province", "peer")


@dataclass(frozen=True)
class Bar:
    """A column: its place, `minor` where its label gives way on narrow pages, and its point."""

    x: float
    width: float
    middle: float
    y: int
    height: int
    hollow: bool
    minor: bool
    point: Point


@dataclass
class Columns:
    """Columns with the ticks of their axis and the marks of breaks."""

    bars: list[Bar]
    y_ticks: list[tuple[int, float]]
    breaks: list[tuple[float, str, bool]]


def columns_plot(points: list[Point], most: int = 25) -> Columns | None:
    """Columns from zero, one a period, the last `most` of them."""
    (valued,) = with_values([points])
    valued = valued[-most:]
    if len(valued) < 2:
        return None
    points = [p for p, _ in valued]
    axis = scale([value for _, value in valued], zero=True)
    width = 1000 / len(points)
    bars = [
        Bar(
            x=round(width * i + width * 0.14, 1),
            width=round(width * 0.72, 1),
            middle=round(width * (i + 0.5), 1),
            y=axis.at(value),
            height=1000 - axis.at(value),
            hollow=unfinished(p),
            minor=(len(points) - 1 - i) % (3 if len(points) > 14 else 2) != 0,
            point=p,
        )
        for i, (p, value) in enumerate(valued)
    ]
    return Columns(
        bars,
        [(axis.at(tick), tick) for tick in axis.ticks],
        labelled([(round(width * i, 1), p.period) for i, p in enumerate(points) if p.break_before and i]),
    )


@dataclass(frozen=True)
class Spark:
    """A small line: SVG paths, its last dot, and its first and last period."""

    solid: str
    dashed: str
    last: Dot
    first: str
    until: str


def spark(points: list[Point], height: int = 1000) -> Spark | None:
    """A small line of the last fifteen periods; None below two values."""
    runs = segments(points[-15:])
    flat = [(p, p.value) for run in runs for p in run if p.value is not None]
    if len(flat) < 2:
        return None
    low, high = min(value for _, value in flat), max(value for _, value in flat)
    first, span = position(flat[0][0].period), position(flat[-1][0].period) - position(flat[0][0].period)

    def dot(p: Point) -> Dot:
        value = p.value or 0.0
        share = 0.5 if low == high else (value - low) / (high - low)
        y = round(height * (0.92 - 0.84 * share))
        return Dot(round(1000 * (position(p.period) - first) / span), y, p, value, unfinished(p))

    solid, dashed = "", ""
    for run in runs:
        placed = [dot(p) for p in run]
        solid += path([d for d in placed if not d.hollow])
        dashed += "".join(path([a, b]) for a, b in zip(placed, placed[1:], strict=False) if b.hollow)
    return Spark(solid, dashed, dot(flat[-1][0]), flat[0][0].period, flat[-1][0].period)


def strip(values: dict[str, float], low: float, high: float) -> dict[str, float]:
    """Values to percent of a track from `low` to `high`."""
    span = (high - low) or 1
    return {geo: round(100 * (value - low) / span, 1) for geo, value in values.items()}


def nice_step(rough: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, the least that is not below `rough`."""
    power = 10 ** math.floor(math.log10(rough))
    return next(round(m * power, 12) for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))


def index_bases(points: list[Point], until: str) -> list[str]:
    """The period that is 100 in each comparable run of the last years: ten years before `until`, or the run's first."""
    if not until:
        return []
    earliest = str(int(until[:4]) - WINDOW)
    bases = []
    for run in segments(points):
        base = next((p.period for p in run if p.period >= earliest and p.value), None)
        if base is not None and base < run[-1].period:
            bases.append(base)
    return bases
