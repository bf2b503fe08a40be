"""Pictures of forecasts as SVG, drawn here so that they need no network, no font and no plotting library.

What a picture shows is in its title and table beside it; a picture has a text for those who cannot see it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from math import isnan

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 240, 56, 28, 30
PANEL, GAP, BAR = 110, 14, 34
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
INK, FAINT, BAND, LINE = "#1f2933", "#9aa5b1", "#9ecae1", "#08519c"


def fan_chart(
    title: str, past: Sequence[float], mean: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> str:
    """Demand of the past days, the forecast, and the band between its 10 % and 90 % quantiles.

    Args:
        title: what is shown.
        past: demand of the last days, oldest first; a day not observed is nan and breaks the line.
        mean: forecast of the days ahead.
        low: 10 % quantile of these days.
        high: 90 % quantile of them.
    """
    days = len(past) + len(mean)
    top = max([1.0, *(value for value in (*past, *high, *mean) if not isnan(value))])

    def at(day: int, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - 8) * day / max(days - 1, 1)
        return f"{x:.1f},{HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top:.1f}"

    ahead = range(len(past), days)
    upper = [at(day, value) for day, value in zip(ahead, high, strict=True)]
    lower = [at(day, value) for day, value in zip(ahead, low, strict=True)]
    dots = [at(day, value).split(",") for day, value in enumerate(past) if not isnan(value)]
    seen = [f'<circle cx="{x}" cy="{y}" r="1.6" fill="{INK}"/>' for x, y in dots]
    line = " ".join(at(day, value) for day, value in zip(ahead, mean, strict=True))
    parts = [
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{BAND}"/>',
        *seen,
        f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>',
        _label(LEFT - 6, TOP + 4, f"{top:g}", "end"), _label(LEFT - 6, HEIGHT - BOTTOM, "0", "end"),
        _label(LEFT, HEIGHT - 8, f"{len(past)} days before"),
        _label(WIDTH - 8, HEIGHT - 8, f"{len(mean)} days ahead", "end"),
    ]  # fmt: skip
    return _svg(title, parts, HEIGHT)


def bars(title: str, named: Sequence[tuple[str, float]], marked: str = "") -> str:
    """Horizontal bars, one a row.

    Args:
        title: what is shown.
        named: name and value of each bar.
        marked: name of the bar in the strong colour.
    """
    top = max([1e-9, *(value for _, value in named)])
    left, step = 250, 20
    parts = []
    for row, (name, value) in enumerate(named):
        y = TOP + 8 + row * step
        width = (WIDTH - left - 70) * value / top
        colour = LINE if name == marked else BAND
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{step - 6}" fill="{colour}"/>')
        parts.append(_label(left - 8, y + step - 9, name, "end"))
        parts.append(_label(left + width + 6, y + step - 9, f"{value:.3f}"))
    return _svg(title, parts, TOP + 16 + step * len(named))


def decomposition(
    title: str, seen: Sequence[float], trend: Sequence[float], week: Sequence[float], rest: Sequence[float]
) -> str:
    """A series as trend, days of the week and rest, one below the other; the rest has the scale of the first.

    Args:
        title: what is shown.
        seen: the series, oldest first.
        trend: its slow course.
        week: what the days from Monday to Sunday have above or below it.
        rest: what is left.
    """
    wide, top = WIDTH - LEFT - 8, max([1.0, *seen, *trend])
    deep = max([1e-9, *(abs(value) for value in week)])

    def at(day: int, value: float, base: float, unit: float) -> tuple[float, float]:
        return LEFT + wide * day / max(len(seen) - 1, 1), base - unit * value

    first, unit = TOP + PANEL, PANEL / top
    middle = first + GAP + PANEL / 2
    zero = middle + PANEL / 2 + GAP + PANEL / 2
    course = " ".join("{:.1f},{:.1f}".format(*at(day, value, first, unit)) for day, value in enumerate(trend))
    dots = [(*at(day, value, first, unit), INK) for day, value in enumerate(seen)]
    held = [max(-top / 2, min(top / 2, value)) for value in rest]
    dots += [(*at(day, value, zero, unit), LINE) for day, value in enumerate(held)]
    parts = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.4" fill="{colour}"/>' for x, y, colour in dots]
    parts.append(f'<polyline points="{course}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for place, value in enumerate(week):
        x, height = LEFT + wide * (place + 0.1) / len(week), abs(value) / deep * PANEL / 2
        y = middle - height if value > 0 else middle
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{BAR}" height="{height:.1f}" fill="{BAND}"/>')
        parts.append(_label(x + BAR + 4, middle - 4, f"{WEEKDAYS[place]} {value:+.1f}"))
    parts += [
        f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 8}" y2="{y:.1f}" stroke="{FAINT}"/>'
        for y in (first, middle, zero)
    ]
    said = ((TOP + 4, f"{top:g}"), (first, "trend"), (middle, "week"), (zero, "rest"))
    parts += [_label(LEFT - 6, y, text, "end") for y, text in said]
    return _svg(title, parts, round(zero + PANEL / 2 + 8))


def as_markdown(svg: str, text: str) -> str:
    """A picture inside Markdown, without a file or a request."""
    return f"![{text}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _label(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="11" fill="{INK}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _svg(title: str, parts: Sequence[str], height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img"><title>{escape(title)}</title><rect width="100%" height="100%" fill="white"/>'
        f'<text x="8" y="18" font-family="sans-serif" font-size="13" fill="{INK}">{escape(title)}</text>'
        f'{"".join(parts)}<line x1="8" y1="{height - 1}" x2="{WIDTH - 8}" y2="{height - 1}" stroke="{FAINT}"/></svg>'
    )
