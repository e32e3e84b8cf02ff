"""Draws one chart from report.json: `python draw.py NAME`, with a NAME of CHARTS_BY_NAME."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import chart
from chart import Bar
from repository import CHARTS, load, publish

Json = dict[str, Any]

_KINDS = {"code": "Code", "tests": "Tests", "prose": "Prose", "data": "Data and settings"}
# With more marks on a time axis, their labels would touch.
_MAX_MARKS = 9
_LISTED = 10
_UNIT_FORMS = {"hour": "%d %b, %H:%M", "day": "%d %b", "week": "%d %b %y", "month": "%b %Y", "year": "%Y"}


def commits(report: Json) -> str:
    """A chart of the commits over time."""
    unit, bars = report["commit_chart"]["unit"], report["commit_chart"]["bars"]
    every = -(-len(bars) // _MAX_MARKS)
    drawn: list[Bar] = []
    for index, bar in enumerate(bars):
        begin = datetime.fromisoformat(bar["from"])
        label = f"{begin:{_UNIT_FORMS[unit]}}" if index % every == 0 else ""
        exact = f"{begin:%d %b %Y, %H:%M}" if unit == "hour" else f"{begin:%d %B %Y}"
        drawn.append(Bar(label, bar["commits"], more=f"{unit} from {exact}: {chart.number(bar['commits'])}"))
    return chart.columns(f"Commits per {unit}", drawn)


def growth(report: Json) -> str:
    """A chart of the lines over time."""
    points = [(datetime.fromisoformat(point["at"]), point["lines"]) for point in report["growth"]]
    span = points[-1][0] - points[0][0]
    form = "%d %b, %H:%M" if span <= timedelta(days=4) else "%d %b %Y" if span <= timedelta(days=900) else "%b %Y"
    return chart.area("Lines over time", points, form)


def languages(report: Json) -> str:
    """A chart of the lines by language; small languages are combined into one bar."""
    listed = report["languages"][:_LISTED]
    rest = report["languages"][_LISTED:]
    bars = [Bar(entry["name"], entry["lines"], entry["kind"], _files(entry)) for entry in listed]
    if rest:
        bars.append(Bar(f"{len(rest)} more", sum(entry["lines"] for entry in rest), "data"))
    return chart.rows("Lines by language", bars)


def _files(entry: Json) -> str:
    return f"{entry['name']}: {chart.number(entry['lines'])} lines, files: {chart.number(entry['files'])}"


def kinds(report: Json) -> str:
    """A chart of the kinds of lines."""
    return chart.shares("Kinds of lines", [Bar(name, report["kinds"][kind], kind) for kind, name in _KINDS.items()])


def authors(report: Json) -> str:
    """A chart of the authors with the most commits."""
    listed, rest = report["authors"][:_LISTED], report["authors"][_LISTED:]
    bars = [
        Bar(entry["name"], entry["commits"], more=f"commits by {entry['name']}: {chart.number(entry['commits'])}")
        for entry in listed
    ]
    if rest:
        bars.append(Bar(f"{len(rest)} more", sum(entry["commits"] for entry in rest), "data"))
    return chart.rows("Commits by author", bars)


def hotspots(report: Json) -> str:
    """A chart of the files that changed most often."""
    bars = [
        Bar(file["path"], file["changes"], more=f"{file['path']}: +{file['added']} -{file['removed']} lines")
        for file in report["most_changed_files"][:_LISTED]
    ]
    return chart.rows("Files that changed most", bars, keep_end=True)


CHARTS_BY_NAME: dict[str, Callable[[Json], str]] = {
    draw.__name__: draw for draw in (commits, growth, languages, kinds, authors, hotspots)
}


def main(name: str) -> None:
    """Draw the chart `name` into a file, and publish how many seconds it took."""
    began = time.perf_counter()
    CHARTS.mkdir(parents=True, exist_ok=True)
    (CHARTS / f"{name}.svg").write_text(CHARTS_BY_NAME[name](load("report")), encoding="utf-8")
    publish(seconds=f"{time.perf_counter() - began:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
