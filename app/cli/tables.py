"""Renders the API's answers as tables and lines of text. Pure functions from its JSON to renderables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.cli.display import STYLES, Json, condition_text, duration, follows_text, size, status_text, visible
from app.cli.terms import proposal_text
from app.domain.sender import called
from signoff.schemas.json_value import JsonValue

_SEVERITIES = {"critical": "red", "high": "red", "medium": "yellow", "low": "dim"}


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> Table:
    """A plain table. Text from outside goes through `visible`."""
    result = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        is_id = column in {"id", "project"}
        result.add_column(column, overflow="fold", no_wrap=is_id, justify="right" if column in right else "left")
    for row in rows:
        result.add_row(*(cell if isinstance(cell, Text) else Text(_cell(cell)) for cell in row))
    return result


def fields_table(answer: Json) -> Table:
    """A table of names and values; nested objects are flattened."""
    result = table(("", ""), [(Text(visible(name), style="dim"), value) for name, value in _flat(answer)])
    result.show_header = False
    return result


def _flat(value: Json, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, item in value.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(item, dict):
            yield from _flat(cast("Json", item), f"{words} ")
        elif name == "slowest":
            yield words, ", ".join(f"{task['key']} {duration(task['duration_ms'])}" for task in item)
        elif name.endswith("_ms") and isinstance(item, int):
            yield words.removesuffix(" ms"), duration(item)
        elif item not in (None, "", []):
            yield words, item


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return visible(", ".join(map(str, value)))
    if isinstance(value, list | dict):
        return visible(json.dumps(value, ensure_ascii=False))
    return visible(str(value))


def moment(text: str | None) -> str:
    """A time from the API, in UTC, to the second."""
    return (text or "")[:19].replace("T", " ")


def task_list(answer: Json) -> Table:
    """A table of tasks."""
    rows = [
        (
            task["key"],
            status_text(task["status"]),
            task["title"],
            task["attempt"] or "",
            duration(task["duration_ms"]),
            Text(_note(task), style=STYLES["failed"] if task["error"] else "dim"),
        )
        for task in answer["tasks"]
    ]
    return table(("task", "status", "title", "attempt", "time", ""), rows, right=("attempt", "time"))


def _note(task: Json) -> str:
    return visible(task["error"]["message"] if task["error"] else (task["reason"] or "").replace("_", " "))


def phase_list(answer: Json) -> Table:
    """A table of phases."""
    rows = [
        (
            phase["id"],
            status_text(phase["status"]),
            phase["name"],
            phase["strategy"],
            _terms(phase),
            phase["task_counts"].get("total", 0),
        )
        for phase in answer["phases"]
    ]
    return table(("id", "status", "name", "strategy", "", "tasks"), rows, right=("tasks",))


def _terms(phase: Json) -> str:
    terms = ["requires approval"] if phase["requires_approval"] else []
    terms += [f"on {phase['runs_on']}"] if phase["runs_on"] != "success" else []
    terms += [condition_text(phase["condition"])] if phase["condition"] else []
    return ", ".join(terms)


def decision_list(answer: Json) -> RenderableType:
    """Open and past decisions: kind, status, person and time, with the question and the answer on a second line."""
    text = Text()
    for item in answer["decisions"]:
        is_open = item["status"] == "open"
        text.append(f"{item['id']}  {item['kind']}  ")
        text.append(item["status"], style="yellow" if is_open else "")
        source = [visible(called(item["actor"])) if item["actor"] else "", moment(item["at"] or item["opened_at"])]
        text.append(f"  {'  '.join(part for part in source if part)}\n", style="dim")
        words = item["question"] or item["comment"]
        answers = " | ".join(item["options"]) if is_open else item["answer"]
        if words or answers:
            text.append(f"    {visible(words)}  " if words else "    ")
            text.append(f"→ {visible(answers)}" if answers else "", style="yellow" if is_open else "green")
            text.append("\n")
        if item["other_than"]:
            text.append(
                f"    Only somebody other than whoever answered {visible(' and '.join(item['other_than']))} can answer this.\n"
            )
        if item["proposal"]:
            text.append("".join(f"    {line}\n" for line in proposal_text(item["proposal"]).split("\n")))
        if item["follows"]:
            text.append(
                "".join(f"    {line}\n" for line in follows_text(item["follows"]).plain.split("\n")), style="dim"
            )
    text.append(f"{answer['open']} open", style="yellow" if answer["open"] else "dim")
    return text


def plan_list(answer: Json) -> Table:
    """A table of plan versions."""
    rows = [
        (
            Text(f"{'→' if plan['version'] == answer['current'] else ' '} {plan['version']}"),
            plan["status"],
            plan["planner"],
            (plan["digest"] or "")[:12],
            moment(plan["created_at"]),
            called(plan["created_by"]),
            called(plan["approved_by"] or ""),
            plan["summary"],
        )
        for plan in answer["plans"]
    ]
    return table(("version", "status", "planner", "digest", "created", "by", "approved by", "summary"), rows)


def plan_changes(answer: Json) -> Text:
    """The differences between two plan versions."""
    text = Text(f"Version {answer['before']} → {answer['after']}\n", style="dim")
    for noun in ("assumption", "question", "phase", "task"):
        differences: Json = answer[f"{noun}s"]
        for key in differences["added"]:
            text.append(f"+ {noun} {visible(key)}\n", style="green")
        for key in differences["removed"]:
            text.append(f"- {noun} {visible(key)}\n", style="red")
        for changed in differences["changed"]:
            text.append(f"~ {noun} {visible(changed['key'])}\n", style="yellow")
            _add_changes(text, changed["changes"])
    if answer["parameters"]:
        text.append("~ parameters\n", style="yellow")
        _add_changes(text, answer["parameters"])
    if answer["settings"]:
        text.append("~ settings\n", style="yellow")
        _add_changes(text, answer["settings"])
    text.rstrip()
    return text


def _add_changes(text: Text, changes: list[Json]) -> None:
    for change in changes:
        text.append(f"    {visible(change['field'])}: ", style="dim")
        text.append(_cell(change["before"]) or "nothing", style="red")
        text.append(" → ", style="dim")
        text.append(f"{_cell(change['after']) or 'nothing'}\n", style="green")


def run_list(answer: Json) -> Table:
    """A table of runs."""
    rows = [
        (
            run["number"],
            run["id"],
            status_text(run["status"]),
            run["plan_version"],
            moment(run["started_at"]),
            moment(run["completed_at"]),
        )
        for run in answer["runs"]
    ]
    return table(("run", "id", "status", "plan", "started", "completed"), rows)


def findings_table(findings: list[Json]) -> Table:
    """A table of audit findings."""
    rows = [
        (
            Text(finding["severity"], style=_SEVERITIES.get(finding["severity"], "")),
            finding["code"],
            finding["message"],
            finding["suggestion"],
        )
        for finding in findings
    ]
    return table(("severity", "code", "finding", "suggestion"), rows)


def audit_report(answer: Json) -> RenderableType:
    """The findings of an audit, and whether the record is intact."""
    results: Json = answer["results"]
    trail: Json = answer["trail"]
    counts = f"{trail['events']} events, {trail['decisions']} decisions"
    word, style = ("intact", "green") if trail["intact"] else ("NOT intact", "red bold")
    parts: list[RenderableType] = [findings_table(results["findings"])] if results["findings"] else []
    limits = Text(
        "The search for dangerous commands helps you review a plan. It does not prove that a plan is safe.", style="dim"
    )
    return Group(
        *parts, Text(f"{counts}: the record is {word}.", style=style), Text(visible(answer["message"])), limits
    )


def file_list(answer: Json) -> RenderableType:
    """A table of the files in a workspace."""
    rows = [
        (file["path"], size(file["size"]), file["kind"], (file["sha256"] or "")[:12], moment(file["modified_at"]))
        for file in answer["files"]
    ]
    files = table(("path", "size", "kind", "sha256", "modified"), rows, right=("size",))
    more = "; more files are not listed" if answer["truncated"] else ""
    return Group(files, Text(f"{answer['total']} files, {size(answer['total_size'])}{more}", style="dim"))


def graph_list(answer: Json) -> Table:
    """The graph as a table with one task per line: its level and its dependencies."""
    keys: Json = {node["id"]: node["key"] for node in answer["nodes"]}
    before: dict[str, list[str]] = {}
    for edge in answer["edges"]:
        before.setdefault(edge["target"], []).append(keys.get(edge["source"], edge["source"]))
    rows = [
        (
            node["level"],
            node["phase_name"],
            node["key"],
            status_text(node["status"]),
            Text("critical" if node["critical"] else "", style="yellow"),
            ", ".join(before.get(node["id"], [])),
        )
        for node in answer["nodes"]
    ]
    return table(("level", "phase", "task", "status", "", "after"), rows, right=("level",))


def named_list(entries: list[Json]) -> RenderableType:
    """A table of agents or strategies, with all their fields."""
    if not entries:
        return Text("There are none.", style="dim")
    columns = list(entries[0])
    titles = [column.replace("_", " ") for column in columns]
    return table(titles, [[entry[column] for column in columns] for entry in entries])


def archetype_list(answer: Json) -> Table:
    """A table of experts, without their briefs."""
    rows = [
        (item["id"], item["title"], item["summary"], "built in" if item["built_in"] else "custom")
        for item in answer["archetypes"]
    ]
    return table(("id", "title", "summary", ""), rows)


def archetype_text(archetype: Json) -> Text:
    """One expert with its brief, as written."""
    text = Text().append(f"{visible(archetype['title'])}\n", style="bold")
    text.append(f"{visible(archetype['summary'])}\n\n", style="dim")
    return text.append(visible(archetype["brief"].rstrip("\n")))


def event_row(event: Json) -> Text:
    """One event on one line."""
    data = json.dumps(event["data"], ensure_ascii=False)
    line = Text(f"{event['seq']:>5} ", style="dim")
    line.append(f"{moment(event['at'])} ", style="dim")
    line.append(f"{event['type']} ", style="cyan")
    line.append(f"{visible(called(event['actor']))} ")
    return line.append(visible(data), style="dim")


def session_list(answer: Json) -> RenderableType:
    """A table of signed-in browsers."""
    columns = ("id", "since", "until", "address", "browser")
    names = ("id", "created_at", "expires_at", "address", "user_agent")
    return table(columns, ([row[name] for name in names] for row in answer["sessions"]))
