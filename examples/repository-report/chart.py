"""Charts as self-contained SVG: in a page or as a separate file, for light and dark backgrounds."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

WIDE, NARROW = 1000, 500
_FONT = 13
_STYLE = """
.chart{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.chart text{fill:#57636e}.chart .value{fill:#1c252d;font-weight:600}.chart .label{fill:#1c252d}
.chart .grid{stroke:#e4e9ed}.chart .base{stroke:#aab5be}
.chart .code{fill:#2c6fa6}.chart .tests{fill:#3f9a6b}.chart .prose{fill:#c9892b}.chart .data{fill:#a9b4bd}
.chart .line{fill:none;stroke:#2c6fa6;stroke-width:2}.chart .area{fill:#2c6fa6;opacity:.14}
@media(prefers-color-scheme:dark){
.chart text{fill:#9aa8b4}.chart .value,.chart .label{fill:#e6ecf1}
.chart .grid{stroke:#2a343d}.chart .base{stroke:#52606b}
.chart .code{fill:#5ca4dd}.chart .tests{fill:#5cb888}.chart .prose{fill:#dda24c}.chart .data{fill:#66747f}
.chart .line{stroke:#5ca4dd}.chart .area{fill:#5ca4dd;opacity:.18}}
"""


@dataclass(frozen=True)
class Bar:
    """One bar. `kind` (`code`, `tests`, `prose` or `data`) sets its color; `more` is shown on hover."""

    label: str
    value: int
    kind: str = "code"
    more: str = ""


def number(value: float) -> str:
    """A number with thousands separators, such as 1,234."""
    return f"{value:,.0f}"


def columns(title: str, bars: Sequence[Bar]) -> str:
    """Vertical bars over a time axis; a bar with an empty label has no mark on the axis."""
    left, right, top, height = 52, 12, 14, 220
    step, highest = _scale(max(bar.value for bar in bars))
    slot = (WIDE - left - right) / len(bars)
    parts = _grid(left, WIDE - right, top, height, step, highest)
    for index, bar in enumerate(bars):
        tall = bar.value / highest * height
        width = min(max(slot * 0.78, 1), 64)
        x = left + index * slot + (slot - width) / 2
        if bar.value:
            parts.append(_rect(bar.kind, x, top + height - tall, width, tall, bar.more))
        if bar.label:
            parts.append(_text(x + width / 2, top + height + 20, bar.label, "middle"))
    return _svg(title, WIDE, top + height + 30, parts)


def area(title: str, points: Sequence[tuple[datetime, int]], time_form: str) -> str:
    """A level over time, which stays constant until the next point."""
    left, right, top, height = 72, 12, 14, 220
    step, highest = _scale(max(level for _, level in points))
    begin, end = points[0][0], points[-1][0]
    span = (end - begin).total_seconds() or 1
    width = WIDE - left - right
    parts = _grid(left, WIDE - right, top, height, step, highest)
    path: list[str] = []
    for time, level in points:
        x = left + (time - begin).total_seconds() / span * width
        y = top + height - level / highest * height
        path.append(f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f},{y:.1f}")
    line = "".join(path) + f"H{left + width}"
    parts.append(f'<path class="area" d="{line}V{top + height}H{left}Z"/><path class="line" d="{line}"/>')
    marks = 6 if end > begin else 1
    for index in range(marks):
        share = index / max(1, marks - 1)
        anchor = "start" if index == 0 else "end" if index == marks - 1 else "middle"
        parts.append(
            _text(left + share * width, top + height + 20, f"{begin + (end - begin) * share:{time_form}}", anchor)
        )
    return _svg(title, WIDE, top + height + 30, parts)


def rows(title: str, bars: Sequence[Bar], *, keep_end: bool = False) -> str:
    """Horizontal bars, each with its label and value; `keep_end` shortens labels at their beginning."""
    widest = min(220, max((_width(bar.label) for bar in bars), default=0))
    left, row = widest + 10, 27
    largest = max((bar.value for bar in bars), default=0) or 1
    space = NARROW - left - _width(number(largest)) - 14
    parts: list[str] = []
    for index, bar in enumerate(bars):
        y = index * row + 4
        long = max(2.0, bar.value / largest * space)
        parts += [
            _text(left - 10, y + 14, _fitted(bar.label, 220, keep_end=keep_end), "end", "label", bar.more or bar.label),
            _rect(bar.kind, left, y, long, 19, bar.more),
            _text(left + long + 7, y + 14, number(bar.value), "start", "value"),
        ]
    return _svg(title, NARROW, max(len(bars) * row + 4, 30), parts)


def shares(title: str, bars: Sequence[Bar]) -> str:
    """One bar divided into shares, with a legend below."""
    whole = sum(bar.value for bar in bars) or 1
    parts: list[str] = []
    x = 0.0
    for index, bar in enumerate(bars):
        wide = bar.value / whole * NARROW
        parts.append(_rect(bar.kind, x, 0, max(0.0, wide - 1.5), 34))
        x += wide
        y = 66 + index * 27
        parts += [
            _rect(bar.kind, 0, y - 12, 14, 14),
            _text(24, y, bar.label, "start", "label"),
            _text(NARROW - 64, y, number(bar.value), "end", "value"),
            _text(NARROW, y, f"{bar.value / whole:.0%}", "end"),
        ]
    return _svg(title, NARROW, 62 + len(bars) * 27, parts)


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    name = escape(title, quote=True)
    size = f'viewBox="0 0 {width:g} {height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img" aria-label="{name}">'
    return f"{head}\n<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"


def _grid(left: float, right: float, top: float, height: float, step: int, highest: int) -> list[str]:
    parts: list[str] = []
    for value in range(0, highest + 1, step):
        y = top + height - value / highest * height
        kind = "grid" if value else "base"
        parts.append(f'<line class="{kind}" x1="{left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 10, y + 4.5, number(value), "end"))
    return parts


def _scale(largest: int) -> tuple[int, int]:
    """A round step, and its first multiple that is at least `largest`: at most six lines, whole numbers only."""
    rough = max(1.0, largest / 5)
    unit = 10 ** math.floor(math.log10(rough))
    step = next(int(unit * factor) for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return step, max(step, math.ceil(largest / step) * step)


def _rect(kind: str, x: float, y: float, width: float, height: float, more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2"'
    return f'<rect class="{kind}" {place}>{_hint(more)}</rect>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "", more: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}{_hint(more)}</text>'


def _hint(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _width(text: str) -> float:
    """The approximate width of a text; East Asian letters are twice as wide."""
    return math.ceil(sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.58 for letter in text) * _FONT)


def _fitted(text: str, room: float, *, keep_end: bool) -> str:
    if _width(text) <= room:
        return text
    while text and _width(text) > room - _FONT:
        text = text[1:] if keep_end else text[:-1]
    return f"…{text}" if keep_end else f"{text}…"
