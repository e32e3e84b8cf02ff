"""Writes report.html, a self-contained page, from report.json and the charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from chart import number
from repository import CHARTS, FOLDER, inputs, load, publish, shown

Json = dict[str, Any]

_TEMPLATE = Path(__file__).with_name("page.html")
_LARGEST, _MARKERS, _RELEASES = 10, 12, 8
_DAY, _MOMENT = "%-d %B %Y", "%-d %B %Y, %H:%M UTC"


def main() -> None:
    """Write the page. This task's inputs are Signoff's health and the seconds that each chart took."""
    values = inputs()
    signoff = json.loads(values.pop("signoff"))
    report = load("report")
    seconds = report["seconds"] | {f"chart of {name}": float(text) for name, text in sorted(values.items())}
    about = report["repository"]
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=escape(about["name"]),
        facts=_facts(about),
        notes=_notes(report),
        tiles=_tiles(report),
        unit=report["commit_chart"]["unit"],
        history=_history(report),
        compared=number(report["commits_compared"]),
        largest=_largest(report),
        markers=_markers(report),
        releases=_releases(report),
        seconds=_seconds(seconds),
        measured_at=_when(about["measured_at"], _MOMENT),
        measured_iso=about["measured_at"],
        version=escape(str(signoff["version"])),
        **{f"chart_{path.stem}": path.read_text(encoding="utf-8") for path in CHARTS.glob("*.svg")},
    )
    (FOLDER / "report.html").write_text(page, encoding="utf-8")
    publish(bytes=len(page.encode()))


def _facts(about: Json) -> str:
    where = f"<span>branch <b>{escape(about['branch'])}</b></span>" if about["branch"] else ""
    commit = f'<span>commit <code title="{about["commit"]}">{about["commit"][:12]}</code></span>'
    return f"{where}{commit}<span>of {_when(about['committed_at'], _MOMENT)}</span><q>{escape(about['subject'])}</q>"


def _notes(report: Json) -> str:
    notes: list[str] = []
    about = report["repository"]
    if about["shallow"]:
        notes.append("This is a shallow clone. Older commits are not counted.")
    age = datetime.fromisoformat(about["measured_at"]) - datetime.fromisoformat(report["last_commit"])
    if age.days > 42:
        notes.append(f"Nothing was committed in the {number(age.days // 7)} weeks before this report.")
    return "".join(f'<p class="note">{note}</p>' for note in notes)


def _tiles(report: Json) -> str:
    totals = report["totals"]
    ratio = totals["test_lines_per_100_of_code"]
    tiles = [
        ("Commits", number(totals["commits"]), f"since {_when(report['first_commit'], _DAY)}"),
        ("Authors", number(totals["authors"]), f"most active: {escape(report['authors'][0]['name'])}"),
        ("Files", number(totals["files"]), f"{_size(totals['bytes'])}, {number(totals['binary_files'])} binary"),
        ("Lines", number(totals["lines"]), f"{number(report['kinds']['code'])} of them code"),
        ("Tests", "none" if ratio is None else f"{ratio:,}", "test lines per 100 lines of code"),
        ("Open markers", number(totals["markers"]), "unfinished work, according to comments"),
    ]
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd><dd>{more}</dd></div>" for name, value, more in tiles)


def _history(report: Json) -> str:
    unit, bars = report["commit_chart"]["unit"], report["commit_chart"]["bars"]
    busiest = max(bars, key=lambda bar: bar["commits"])
    begin = datetime.fromisoformat(busiest["from"])
    when = f"{begin:{_MOMENT}}" if unit == "hour" else f"{begin:{_DAY}}"
    return f"The most in one {unit}: {number(busiest['commits'])}, from {when}. All times are UTC."


def _largest(report: Json) -> str:
    listed = report["largest_files"][:_LARGEST]
    cells = [(_path(file["path"]), number(file["lines"]), _size(file["bytes"])) for file in listed]
    return _table(("File", "Lines", "Size"), cells, empty="This commit has no text files.")


def _markers(report: Json) -> str:
    found = report["markers"]["found"]
    cells = [(f"{_path(at['path'])}:{at['line']}", escape(at["text"])) for at in found[:_MARKERS]]
    more = report["markers"]["total"] - len(cells)
    table = _table(("Where", "What"), cells, empty="None. No comment begins with a word for unfinished work.")
    return f"{table}<p>{number(more)} more.</p>" if more > 0 else table


def _releases(report: Json) -> str:
    tags, since = report["releases"]["tags"], report["releases"]["commits_since"]
    cells = [(escape(tag["name"]), _when(tag["at"], _DAY)) for tag in tags[:_RELEASES]]
    table = _table(("Tag", "Date"), cells, empty="The history of this commit has no tags yet.")
    return f"{table}<p>Commits since the newest: {number(since)}.</p>" if tags else table


def _seconds(seconds: dict[str, float]) -> str:
    cells = [(escape(name.replace("_", " ")), f"{value:.2f} s") for name, value in seconds.items()]
    return _table(("Step", "Time"), [*cells, ("total", f"{sum(seconds.values()):.2f} s")], empty="")


def _table(heads: Sequence[str], cells: Sequence[Sequence[str]], *, empty: str) -> str:
    if not cells:
        return f'<p class="none">{empty}</p>'
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _path(path: str) -> str:
    return f"<code>{escape(shown(path)).replace('/', '/<wbr>')}</code>"


def _size(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"


def _when(iso: str, form: str) -> str:
    return f'<time datetime="{iso}">{datetime.fromisoformat(iso):{form}}</time>'


if __name__ == "__main__":
    main()
