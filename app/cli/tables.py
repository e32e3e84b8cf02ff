"""Renders the API's answers as tables and lines of text. Pure functions from its JSON to renderables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from rich.console import Group
from rich.text import Text

from app.cli.display import STYLES, condition_text, duration, follows_text, size, status_cell, visible
from app.cli.listing import Either, cell_text, extra, fixed, piped, short_id, short_ids, table, title
from app.cli.terms import proposal_text
from app.domain.sender import called

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from app.cli.display import Json
    from app.cli.listing import Listing

_SEVERITIES = {"critical": "red", "high": "red", "medium": "yellow", "low": "dim"}


def fields_table(answer: Json) -> Listing:
    """A table of names and values; nested objects are flattened."""
    rows = [(Text(visible(name), style="dim"), value) for name, value in _flat(answer)]
    return table((fixed(""), ""), rows)


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


def moment(text: str | None) -> str:
    """A time from the API, in UTC, to the second."""
    return (text or "")[:19].replace("T", " ")


def task_list(answer: Json) -> Listing:
    """A table of tasks."""
    rows = [
        (
            task["key"],
            status_cell(task["status"]),
            task["title"],
            task["attempt"] or "",
            duration(task["duration_ms"]),
            Text(_note(task), style=STYLES["failed"] if task["error"] else "dim"),
        )
        for task in answer["tasks"]
    ]
    columns = (
        fixed("task"),
        fixed("status"),
        title("title"),
        extra("attempt", right=True),
        extra("time", right=True),
        "",
    )
    return table(columns, rows)


def _note(task: Json) -> str:
    return visible(task["error"]["message"] if task["error"] else (task["reason"] or "").replace("_", " "))


def phase_list(answer: Json) -> Listing:
    """A table of phases."""
    rows = [
        (
            phase["key"],
            status_cell(phase["status"]),
            phase["name"],
            phase["task_counts"].get("total", 0),
            phase["strategy"],
            _terms(phase),
            phase["id"],
        )
        for phase in answer["phases"]
    ]
    columns = (
        fixed("phase"),
        fixed("status"),
        title("name"),
        fixed("tasks", right=True),
        extra("strategy"),
        "",
        piped("id"),
    )
    return table(columns, rows)


def _terms(phase: Json) -> str:
    terms = ["requires approval"] if phase["requires_approval"] else []
    terms += [f"on {phase['runs_on']}"] if phase["runs_on"] != "success" else []
    terms += [condition_text(phase["condition"])] if phase["condition"] else []
    return ", ".join(terms)


def decision_list(answer: Json) -> RenderableType:
    """Open and past decisions: kind, status, person and time, with the question and the answer on a second line."""
    rows = [
        (
            *(item["id"], item["kind"], item["status"], called(item["actor"] or "")),
            moment(item["at"] or item["opened_at"]),
            item["question"] or item["comment"],
            " | ".join(item["options"]) if item["status"] == "open" else item["answer"],
        )
        for item in answer["decisions"]
    ]
    return Either(_decisions(answer), table(("id", "kind", "status", "by", "time", "text", "answer"), rows))


def _decisions(answer: Json) -> Text:
    text = Text()
    for item in answer["decisions"]:
        is_open = item["status"] == "open"
        text.append(f"{short_id(item['id'])}  {item['kind']}  ")
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


def plan_list(answer: Json) -> Listing:
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
    columns = (
        *(fixed("version"), fixed("status"), extra("planner"), extra("digest"), fixed("created")),
        *(title("by"), title("approved by"), title("summary")),
    )
    return table(columns, rows)


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
        text.append(cell_text(change["before"]) or "nothing", style="red")
        text.append(" → ", style="dim")
        text.append(f"{cell_text(change['after']) or 'nothing'}\n", style="green")


def run_list(answer: Json) -> Listing:
    """A table of runs."""
    rows = [
        (
            run["number"],
            status_cell(run["status"]),
            run["plan_version"],
            moment(run["started_at"]),
            moment(run["completed_at"]),
            run["id"],
        )
        for run in answer["runs"]
    ]
    return table(
        (fixed("run"), fixed("status"), fixed("plan"), fixed("started"), extra("completed"), piped("id")), rows
    )


def findings_table(findings: list[Json]) -> Listing:
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
    return table((fixed("severity"), extra("code"), "finding", "suggestion"), rows)


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
        (file["path"], size(file["size"]), file["kind"], moment(file["modified_at"]), file["sha256"] or "")
        for file in answer["files"]
    ]
    columns = (title("path"), fixed("size", right=True), extra("kind"), extra("modified"), piped("sha256"))
    more = "; more files are not listed" if answer["truncated"] else ""
    hidden = answer["total"] - len(rows)
    logs = f"; {hidden} logs of tasks are hidden (--logs)" if hidden and not answer["truncated"] else ""
    footer = f"{len(rows)} files, {size(sum(file['size'] for file in answer['files']))}{more}{logs}"
    return table(columns, rows, footer=footer)


def graph_list(answer: Json) -> Listing:
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
            status_cell(node["status"]),
            Text("critical" if node["critical"] else "", style="yellow"),
            ", ".join(before.get(node["id"], [])),
        )
        for node in answer["nodes"]
    ]
    columns = (fixed("level", right=True), title("phase"), fixed("task"), fixed("status"), extra(""), "after")
    return table(columns, rows)


def named_list(entries: list[Json]) -> RenderableType:
    """A table of agents or strategies, with all their fields."""
    if not entries:
        return Text("There are none.", style="dim")
    columns = list(entries[0])
    titles = [column.replace("_", " ") for column in columns]
    return table([fixed(titles[0]), *titles[1:]], [[entry[column] for column in columns] for entry in entries])


def archetype_list(answer: Json) -> Listing:
    """A table of experts, without their briefs."""
    rows = [
        (item["id"], item["title"], item["summary"], "built in" if item["built_in"] else "custom")
        for item in answer["archetypes"]
    ]
    return table((fixed("id"), title("title"), "summary", extra("")), rows)


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


def session_list(answer: Json) -> Listing:
    """A table of signed-in browsers."""
    ident = short_ids(row["id"] for row in answer["sessions"])
    rows = [
        (
            ident(row["id"]),
            moment(row["created_at"]),
            moment(row["expires_at"]),
            row["address"],
            row["user_agent"],
        )
        for row in answer["sessions"]
    ]
    return table((fixed("id"), fixed("since"), extra("until"), fixed("address"), title("browser")), rows)
