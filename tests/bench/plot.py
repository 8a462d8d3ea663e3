"""How figures grow, drawn: one small chart for each kind of work, both axes logarithmic, as SVG by hand.

What is plotted is any row whose name begins with a number: "1,000 sources: a key at the panel". The dashed line is what
linear growth from the first figure on would be: what is flatter is better than that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from tests.bench.figures import Row, number

_NAME = re.compile(r"([\d,]+) ([^:]+): (.+)")
_WIDTH, _HEIGHT, _COLUMNS = 300, 200, 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 20, 30, 34, 34
_INK, _FAINT, _LINE = "#222", "#bbb", "#0b62c4"

Points = list[tuple[int, float]]


def growth_plot(rows: Iterable[Row]) -> str | None:
    """An SVG document; ``None`` where nothing was measured at two sizes."""
    series = {title: points for title, points in _series(rows).items() if len(points) > 1}
    if not series:
        return None
    lines = -(-len(series) // _COLUMNS)
    width, height = _COLUMNS * _WIDTH, lines * _HEIGHT
    charts = [
        f'<g transform="translate({place % _COLUMNS * _WIDTH} {place // _COLUMNS * _HEIGHT})">{"".join(chart)}</g>'
        for place, chart in enumerate(_chart(*each) for each in series.items())
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#fff"/>', *charts, "</svg>\n"])


def _series(rows: Iterable[Row]) -> Mapping[tuple[str, str, str], Points]:
    series: dict[tuple[str, str, str], Points] = {}
    for each in rows:
        if (found := _NAME.fullmatch(each.what)) and each.median > 0:
            size, of, what = found.groups()
            series.setdefault((what, of, each.unit), []).append((int(size.replace(",", "")), each.median))
    return series


def _chart(title: tuple[str, str, str], points: Points) -> Iterator[str]:
    what, of, unit = title
    (first, lowest), (last, _) = points[0], points[-1]
    linear = (last, lowest * last / first)
    figures = [value for _, value in points]
    # A factor of ten at least, so that noise does not look like growth.
    low, high = min(figures), max(*figures, 10 * min(figures))

    def place(size: float, value: float) -> tuple[float, float]:
        x = _share(size, first, last) * (_WIDTH - _LEFT - _RIGHT) + _LEFT
        return round(x, 1), round(_HEIGHT - _BOTTOM - _share(value, low, high) * (_HEIGHT - _TOP - _BOTTOM - 14), 1)

    room = f'width="{_WIDTH}" height="{_HEIGHT - _TOP - _BOTTOM + 4}"'
    yield f'<clipPath id="c"><rect x="0" y="{_TOP}" {room}/></clipPath>'
    yield f'<text x="{_LEFT}" y="20" font-size="12" fill="{_INK}">{escape(what)}, {escape(unit)}</text>'
    base = _HEIGHT - _BOTTOM + 4
    yield f'<path d="M{_LEFT} {base}H{_WIDTH - _RIGHT}" stroke="{_FAINT}"/>'
    dashed = f'clip-path="url(#c)" stroke="{_FAINT}" stroke-dasharray="4 4"'
    yield f'<path d="{_path([place(*points[0]), place(*linear)])}" {dashed}/>'
    yield f'<path d="{_path([place(*point) for point in points])}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
    for size, value in points:
        x, y = place(size, value)
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{_LINE}"/>'
        yield _text(x, y - 7, number(value))
        yield _text(x, base + 12, f"{size:,}")
    yield _text(_WIDTH - _RIGHT, base + 25, of, "end")


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" font-size="10" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
