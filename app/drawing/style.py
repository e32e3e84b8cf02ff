"""The style of a picture, in light and dark mode.

Colors are in plain rules instead of custom properties, because viewers other than browsers (librsvg) do not support those.
"""

from __future__ import annotations

from collections.abc import Mapping

from signoff.vocabulary import TaskStatus

_SHAPES = """
:root{color-scheme:light dark}
text{font-family:system-ui,sans-serif;font-size:13px;unicode-bidi:isolate}
.phase{stroke-dasharray:4 3}
.name{font-weight:600} .frame{paint-order:stroke;stroke-width:6px;stroke-linejoin:round}
.note{font-size:11px} .sign{font-size:15px}
.edge{fill:none;stroke-width:1.3} .edge.critical{stroke-width:2.4} .edge.behind{stroke-opacity:.5}
.task rect{stroke-width:1.3} .task.critical rect{stroke-width:2.6}
"""
_LIGHT = {
    "ink": "#111827",
    "soft": "#6b7280",
    "page": "#ffffff",
    "band": "#f9fafb",
    "line": "#9ca3af",
    "hot": "#111827",
}
_DARK = {"ink": "#f3f4f6", "soft": "#a7adb8", "page": "#111827", "band": "#1f2937", "line": "#7b8494", "hot": "#f9fafb"}
_TONES: dict[str, tuple[str, str]] = {
    TaskStatus.PENDING: ("#6b7280", "#9ca3af"),
    TaskStatus.WAITING: ("#b45309", "#fbbf24"),
    TaskStatus.RUNNING: ("#2563eb", "#60a5fa"),
    TaskStatus.COMPLETED: ("#15803d", "#4ade80"),
    TaskStatus.FAILED: ("#dc2626", "#f87171"),
    TaskStatus.CANCELLED: ("#9333ea", "#c084fc"),
    TaskStatus.SKIPPED: ("#9ca3af", "#6b7280"),
}


def _colors(of: Mapping[str, str], tones: Mapping[str, str]) -> str:
    rules = [
        f"text{{fill:{of['ink']}}} .note{{fill:{of['soft']}}} .page,.task rect{{fill:{of['page']}}}",
        f".phase{{fill:{of['band']};stroke:{of['line']}}} .frame{{stroke:{of['band']}}}",
        f".edge{{stroke:{of['line']}}} .edge.critical{{stroke:{of['hot']}}}",
        f".head,.meeting{{fill:{of['line']}}} .head.critical{{fill:{of['hot']}}}",
        *(f".{status} rect{{stroke:{tone}}} .{status} .sign{{fill:{tone}}}" for status, tone in tones.items()),
    ]
    return "\n".join(rules)


STYLE = "\n".join(
    [
        _SHAPES.strip(),
        _colors(_LIGHT, {status: light for status, (light, _) in _TONES.items()}),
        "@media(prefers-color-scheme:dark){",
        _colors(_DARK, {status: dark for status, (_, dark) in _TONES.items()}),
        "}",
    ]
)
