"""Measures one property of a repository: `python measure.py NAME`, with a NAME of MEASURES.

All measures read the commit that the first one noted, so the numbers are consistent even if somebody commits meanwhile.
Uncommitted files are ignored.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from languages import classify
from repository import git, inputs, load, moment, publish, save, shown

Json = dict[str, Any]

# Comparing every commit of a very long history takes hours; the newest commits show where the work is.
MAX_COMPARED = 5_000
MAX_POINTS = 400
LISTED = 50
_UNITS = (
    ("hour", timedelta(days=2)),
    ("day", timedelta(days=45)),
    ("week", timedelta(days=730)),
    ("month", timedelta(days=3650)),
)
_WORDS = "TODO|FIXME|HACK|XXX"
# Only at the beginning of a comment. Elsewhere, such as in a text or in a program that searches for it, the word marks nothing.
_MARKER = re.compile(rf"(?:#|//|/\*|\*|--|<!--|;|%)\s*@?({_WORDS})\b")


def repository(_: Json) -> tuple[Json, Json]:
    """Which commit of which repository the report is about."""
    values = inputs()
    path, commit = values["repository"], values["commit"]
    output = git(path, "log", "-1", "--format=%ct%x00%s", commit).rstrip("\n").split("\0")
    result = {
        "name": shown(Path(path).name.removesuffix(".git")) or "repository",
        "path": path,
        "branch": shown(values["branch"]),
        "commit": commit,
        "subject": shown(output[1]),
        "committed_at": moment(output[0]).isoformat(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "shallow": git(path, "rev-parse", "--is-shallow-repository").strip() == "true",
    }
    return result, {"name": result["name"], "committed_at": result["committed_at"]}


def history(about: Json) -> tuple[Json, Json]:
    """Commits by week, and by the unit that makes a readable chart. Days begin at midnight UTC."""
    times = sorted(moment(line) for line in git(about["path"], "log", "--format=%ct", about["commit"]).split())
    unit = next((name for name, limit in _UNITS if times[-1] - times[0] <= limit), "year")
    result = {
        "commits": len(times),
        "first": times[0].isoformat(),
        "last": times[-1].isoformat(),
        "weeks": _bars(times, "week"),
        "chart": {"unit": unit, "bars": _bars(times, unit)},
    }
    return result, {"commits": len(times), "first": times[0].date(), "last": times[-1].date()}


def _bars(times: list[datetime], unit: str) -> list[Json]:
    counts = Counter(_beginning(time, unit) for time in times)
    begin, last, bars = min(counts), max(counts), list[Json]()
    while begin <= last:
        written = begin.isoformat() if unit == "hour" else begin.date().isoformat()
        bars.append({"from": written, "commits": counts[begin]})
        # Step into the next unit, then back to its beginning, since months and years differ in length.
        step = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}[unit]
        begin = _beginning(begin + timedelta(days=step), unit)
    return bars


def _beginning(time: datetime, unit: str) -> datetime:
    hour = time.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    return {
        "hour": hour,
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }[unit]


def authors(about: Json) -> tuple[Json, Json]:
    """The authors of the commits, by their names in .mailmap."""
    lines = git(about["path"], "log", "-z", "--format=%aN", about["commit"]).split("\0")
    counts = Counter(shown(line.strip()) or "(no name)" for line in lines[:-1])
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    result = {"authors": [{"name": name, "commits": count} for name, count in ranked]}
    return result, {"authors": len(ranked), "most_active": ranked[0][0]}


def sources(about: Json) -> tuple[Json, Json]:
    """The files and lines of the commit, by language and by kind."""
    files = _files(about)
    empty = git(about["path"], "hash-object", "-t", "tree", "/dev/null").strip()
    compared = ("diff", "--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", empty, about["commit"])
    lines: dict[str, int | None] = {}
    for entry in filter(None, git(about["path"], *compared).split("\0")):
        added, _, path = entry.split("\t", 2)
        if path in files:
            lines[path] = None if added == "-" else int(added)
    languages, kinds, counts = Counter[str](), Counter[str](), Counter[str]()
    kind_of: dict[str, str] = {}
    for path, number in lines.items():
        if number is not None:
            language, kind = classify(path)
            languages[language] += number
            counts[language] += 1
            kinds[kind] += number
            kind_of[language] = "code" if kind == "tests" else kind
    largest = sorted(
        ((number, path) for path, number in lines.items() if number), key=lambda entry: (-entry[0], entry[1])
    )
    result = {
        "files": len(files),
        "bytes": sum(files.values()),
        "binary_files": sum(number is None for number in lines.values()),
        "lines": sum(languages.values()),
        "kinds": {kind: kinds[kind] for kind in ("code", "tests", "prose", "data")},
        "languages": [
            {"name": name, "kind": kind_of[name], "files": counts[name], "lines": number}
            for name, number in languages.most_common()
        ],
        "largest": [{"path": shown(path), "lines": number, "bytes": files[path]} for number, path in largest[:LISTED]],
    }
    return result, {"files": len(files), "lines": result["lines"], "languages": len(languages)}


def _files(about: Json) -> dict[str, int]:
    """The commit's regular files with their sizes in bytes, without links and submodules."""
    files: dict[str, int] = {}
    for entry in filter(
        None, git(about["path"], "ls-tree", "-r", "-z", "-l", "--full-tree", about["commit"]).split("\0")
    ):
        facts, path = entry.split("\t", 1)
        mode, _, _, size = facts.split()
        if mode.startswith("100"):
            files[path] = int(size)
    return files


def changes(about: Json) -> tuple[Json, Json]:
    """Which files changed most, and how the number of lines grew, following the first parent of each commit."""
    compared = ("--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--first-parent", "-m")
    output = git(about["path"], "log", *compared, f"--max-count={MAX_COMPARED}", "--format=%x01%ct", about["commit"])
    present = _files(about)
    touched, added, removed = Counter[str](), Counter[str](), Counter[str]()
    steps: list[tuple[datetime, int]] = []
    for entry in filter(None, (part.removeprefix("\n") for part in output.split("\0"))):
        if entry.startswith("\x01"):
            steps.append((moment(entry[1:]), 0))
            continue
        plus, minus, path = entry.split("\t", 2)
        more, less = (0, 0) if plus == "-" else (int(plus), int(minus))
        steps[-1] = (steps[-1][0], steps[-1][1] + more - less)
        if path in present:
            touched[path] += 1
            added[path] += more
            removed[path] += less
    hottest = sorted(touched, key=lambda path: (-touched[path], -added[path], path))
    files = [
        {"path": shown(path), "changes": touched[path], "added": added[path], "removed": removed[path]}
        for path in hottest[:LISTED]
    ]
    result = {"commits_compared": len(steps), "files": files, "growth": _growth(steps, about)}
    return result, {"hottest": files[0]["path"] if files else "none"}


def _growth(steps: list[tuple[datetime, int]], about: Json) -> list[Json]:
    """Lines after each commit, calculated back from the current number; oldest first, and no more than a chart can show."""
    empty = git(about["path"], "hash-object", "-t", "tree", "/dev/null").strip()
    shortstat = git(about["path"], "diff", "--shortstat", "--no-ext-diff", "--no-textconv", empty, about["commit"])
    match = re.search(r"(\d+) insertion", shortstat)
    lines = int(match[1]) if match else 0
    points: list[tuple[datetime, int]] = []
    for at, difference in steps:
        points.append((at, lines))
        lines = max(0, lines - difference)
    points.reverse()
    thin = max(1, -(-len(points) // MAX_POINTS))
    thinned = points[::-1][::thin][::-1]
    return [{"at": at.isoformat(), "lines": number} for at, number in thinned]


def markers(about: Json) -> tuple[Json, Json]:
    """Comments that begin with a word for unfinished work, such as TODO."""
    output = git(about["path"], "grep", "-nzIE", _WORDS, about["commit"], "--", none=1)
    counts, found = Counter[str](), list[Json]()
    for entry in output.split("\n"):
        parts = entry.split("\0", 2)
        match = _MARKER.search(parts[2]) if len(parts) == 3 else None
        if match:
            counts[match[1]] += 1
            path = shown(parts[0].removeprefix(f"{about['commit']}:"))
            text = shown(parts[2][match.start(1) :].strip())
            found.append({"path": path, "line": int(parts[1]), "marker": match[1], "text": text[:160]})
    result = {"total": len(found), "by_marker": dict(counts.most_common()), "found": found[:LISTED]}
    return result, {"markers": len(found)}


def releases(about: Json) -> tuple[Json, Json]:
    """The tags in the history of the commit, newest first, and the number of commits since the newest tag."""
    form = "--format=%(refname:strip=2)%00%(creatordate:unix)"
    output = git(about["path"], "for-each-ref", "refs/tags", "--merged", about["commit"], "--sort=-creatordate", form)
    tags = [(name, moment(seconds or "0")) for name, seconds in (line.split("\0") for line in output.splitlines())][
        :LISTED
    ]
    since = tags and int(git(about["path"], "rev-list", "--count", f"refs/tags/{tags[0][0]}..{about['commit']}"))
    result = {
        "tags": [{"name": shown(name), "at": at.isoformat()} for name, at in tags],
        "commits_since": since if tags else None,
    }
    return result, {"releases": len(tags), "latest": shown(tags[0][0]) if tags else "none"}


MEASURES: dict[str, Callable[[Json], tuple[Json, Json]]] = {
    measure.__name__: measure for measure in (repository, history, authors, sources, changes, markers, releases)
}


def main(name: str) -> None:
    """Measure `name`, save the result, and publish its main numbers and how many seconds it took."""
    began = time.perf_counter()
    result, headline = MEASURES[name]({} if name == "repository" else load("repository"))
    save(name, result)
    publish(**headline, seconds=f"{time.perf_counter() - began:.2f}")
    print(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in headline.items()))


if __name__ == "__main__":
    main(sys.argv[1])
