"""Renders plans as trees, and projects and tasks as tables. Pure functions from the API's JSON to renderables.

All text from a plan goes through `visible`. People must see exactly what will run, so characters that a terminal would
interpret or hide are shown as escapes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.style import Style
from rich.text import Text
from rich.tree import Tree

from app.cli.listing import Cell, extra, fixed, short_ids, table, title
from app.cli.terms import (
    condition_text,
    field_text,
    input_lines,
    known_lines,
    parameter_text,
    settings_lines,
    task_terms,
)
from app.cli.words import duration, size, span, takes_effect, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from app.cli.listing import Listing

# An answer of the API, as JSON: `signoff.schemas` describes it, and `--json` prints it. Tables read its members by name.
Json = dict[str, Any]

STYLES = {
    "pending": "dim",
    "waiting": "yellow",
    "running": "cyan",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
    "skipped": "dim",
    "awaiting_approval": "yellow",
}
SIGNS = {
    "pending": "·",
    "waiting": "…",
    "running": "▸",
    "completed": "✓",
    "failed": "✗",
    "cancelled": "■",
    "skipped": "-",
    "awaiting_approval": "?",
}


def status_text(status: str) -> Text:
    """A status with its sign, in its color."""
    return Text(f"{SIGNS.get(status, ' ')} {status.replace('_', ' ')}", style=STYLES.get(status, ""))


def status_cell(status: str) -> Cell:
    """A status in a table; a pipe gets the word that the API uses."""
    return Cell(status_text(status), status)


def plan_tree(plan: Json, name: str) -> RenderableType:
    """The whole plan as a tree: phases, tasks, exactly what each task does, and the planner's warnings."""
    tasks = [task for phase in plan["phases"] for task in phase["tasks"]]
    keys = {task["id"]: task["key"] for task in tasks}
    label = Text.assemble(
        (visible(name), "bold"),
        (f"  plan version {plan['version']}, {plan['status']}, ", "dim"),
        (f"{_count(tasks, 'task')} in {_count(plan['phases'], 'phase')}, digest {plan['digest'][:12]}", "dim"),
    )
    if plan.get("kept"):
        runs = _count(tasks[len(plan["kept"]) :], "task")
        label.append(f"\n{_count(plan['kept'], 'task')} done and kept, {runs} to run", style="bold")
    if plan["summary"] not in {"", name}:
        label.append(f"\n{visible(plan['summary'])}")
    return phases_tree(label, plan, keys)


def phases_tree(label: Text, plan: Json, keys: dict[str, str]) -> RenderableType:
    """The phases of a plan under a label. `keys` maps task ids to keys, for dependencies that are given as ids."""
    tree = Tree(label, guide_style="dim")
    if plan.get("settings"):
        branch = tree.add(Text("Settings", style="bold"))
        for line in settings_lines(plan["settings"]):
            branch.add(line)
    if plan.get("parameters"):
        branch = tree.add(Text("Parameters", style="bold"))
        for parameter in plan["parameters"]:
            branch.add(_parameter_label(parameter))
    kept = set(plan.get("kept") or [])
    for number, phase in enumerate(plan["phases"], start=1):
        branch = tree.add(_phase_label(number, phase))
        for task in phase["tasks"]:
            branch.add(
                _task_label(task, keys, plan.get("answers", {}).get(task["key"], []), kept=task.get("id") in kept)
            )
    return Group(tree, *known_lines(plan))


def _parameter_label(parameter: Json) -> Text:
    label = Text.assemble((parameter["name"], "cyan"), f" = {parameter_text(parameter['value'])}")
    notes = [parameter["type"]]
    notes += [f"one of {', '.join(parameter['choices'])}"] if parameter["choices"] else []
    notes += [f"matches {parameter['pattern']}"] if parameter["pattern"] else []
    notes += [f"default {parameter_text(parameter['default'])}"] if parameter["default"] is not None else []
    label.append(f"  {visible(' · '.join(notes))}", style="dim")
    if parameter["description"]:
        label.append(f"\n{visible(parameter['description'])}", style="dim")
    return label


def _phase_label(number: int, phase: Json) -> Text:
    label = Text.assemble(
        (f"{number}. {visible(phase['name'])}", "bold"),
        (f"  {phase['key']}", "cyan"),
        (f"  {phase['strategy']}", "dim"),
    )
    if phase["requires_approval"]:
        label.append("  requires approval", style="yellow")
    if phase["runs_on"] != "success":
        label.append(f"  {_RUNS_ON[phase['runs_on']]}", style="yellow")
    if phase["condition"]:
        label.append(f"  {condition_text(phase['condition'])}", style="yellow")
    if phase["description"]:
        label.append(f"\n{visible(phase['description'])}", style="dim")
    return label


_RUNS_ON = {"failure": "only after a failure", "always": "in any case, also after a failure or a cancel"}


def follows_text(effects: list[Json]) -> Text:
    """What follows from each answer to a decision, one line for each."""
    return Text("\n").join(_follows(effect) for effect in effects)


def _follows(effect: Json) -> Text:
    parts = ["ends the run: what depends on it and all later phases are skipped"] if effect["ends_run"] else []
    parts += [f"runs {', '.join(effect['starts'])}"] if effect["starts"] else []
    parts += [f"skips {', '.join(effect['skips'])}"] if effect["skips"] else []
    return Text(
        f"{visible(effect['answer'])}: {'; '.join(parts) or 'the run continues'}",
        style="red" if effect["ends_run"] else "",
    )


def _task_label(task: Json, keys: dict[str, str], effects: list[Json], *, kept: bool) -> RenderableType:
    head = Text.assemble((task["key"], "cyan"), "  ", visible(task["title"]))
    if kept:
        head.append(f"  {task['status']}, does not run again", style="green")
    lines: list[RenderableType] = [head]
    if task["description"]:
        lines.append(Text(visible(task["description"]), style="dim"))
    lines.append(Padding(action_text(task["action"]), (0, 0, 0, 2), expand=False))
    if effects:
        lines.append(Padding(follows_text(effects), (0, 0, 0, 2), expand=False))
    if terms := list(task_terms(task, keys)):
        lines.append(Padding(Text(" · ".join(terms), style="dim"), (0, 0, 0, 2), expand=False))
    lines += [Padding(line, (0, 0, 0, 2), expand=False) for line in input_lines(task["inputs"])]
    return Group(*lines)


def action_text(action: Json) -> Text:
    """What a task does, in full."""
    fields = {name: value for name, value in action.items() if name != "type" and value not in (None, "", [], {})}
    match action["type"]:
        case "shell" if isinstance(fields.get("command"), str):
            text = Text(f"$ {_indented(visible(fields.pop('command')))}", style="green")
        case "http" if isinstance(fields.get("url"), str):
            text = Text(f"{fields.pop('method', 'GET')} {visible(fields.pop('url'))}", style="green")
        case "agent" if isinstance(fields.get("prompt"), str):
            text = Text(f"asks a model: {visible(fields.pop('prompt'))}", style="green")
        case "manual" if fields.get("shows"):
            text = Text(f"a person reads {', '.join(map(visible, fields.pop('shows')))}", style="yellow")
        case "manual":
            text = Text("a person does this", style="yellow")
        case "decision":
            text = Text("a model answers this first" if fields.pop("by", "") == "model" else "a person decides")
            text.stylize("yellow")
            if isinstance(other := fields.pop("other_than", None), str):
                text.append(f"\nmust be answered by a different person than {visible(other)}", style="yellow")
        case "wait" if "seconds" in fields:
            text = Text(f"waits {span(fields.pop('seconds'))}", style="green")
        case kind:
            text = Text(visible(kind), style="green")
    for name, value in fields.items():
        text.append(f"\n{_indented(field_text(name, value))}")
    return text


def _indented(text: str) -> str:
    return text.rstrip("\n").replace("\n", "\n  ")


def tasks_table(project: Json) -> Listing:
    """The tasks of a project, phase by phase: status, attempt, duration, and an error or reason."""
    rows: list[tuple[Any, ...]] = []
    for phase in project["phases"]:
        name = visible(phase["name"])
        shown = Text(name, style="dim")
        for task in (task for task in project["tasks"] if task["phase_id"] == phase["id"]):
            note = Text(_note(task), style=STYLES["failed"] if task["error"] else "dim")
            time = duration(task["duration_ms"])
            rows.append(
                (Cell(shown, name), task["key"], status_cell(task["status"]), task["attempt"] or "", time, note)
            )
            shown = Text("")
    columns = (
        title("phase"),
        fixed("task"),
        fixed("status"),
        extra("attempt", right=True),
        fixed("time", right=True),
        "",
    )
    return table(columns, rows)


def _note(task: Json) -> str:
    if task["error"]:
        return visible(task["error"]["message"])
    if task.get("quarantine") and task["status"] in {"running", "waiting"}:
        return f"quarantined: {visible(task['quarantine'])}"
    return (task["reason"] or "").replace("_", " ")


def projects_table(listing: Json) -> Listing:
    """A table of projects, with the total number of projects below it."""
    ident = short_ids(row["id"] for row in listing["projects"])
    rows = [
        (
            ident(row["id"]),
            status_cell(row["status"]),
            row["name"],
            _state(row),
            _since(row["created_at"]),
        )
        for row in listing["projects"]
    ]
    counts = ", ".join(f"{count} {status}" for status, count in listing["status_counts"].items() if count)
    footer = f"{len(listing['projects'])} of {listing['total']}" + (f"  (all projects: {counts})" if counts else "")
    columns = (fixed("id"), fixed("status"), title("name"), "", extra("created"))
    return table(columns, rows, footer=footer)


def _since(text: str) -> Cell:
    at = text.replace("T", " ")
    return Cell(Text(at[:16]), at[:19])


def _state(row: Json) -> Text:
    """What the status of a listed project does not say, one fact on each line."""
    lines: list[Text] = []
    if row["undo_until"]:
        lines.append(Text(f"approved; {takes_effect(row['undo_until'])}", style="yellow"))
    elif awaited := _awaited(row):
        lines.append(Text(f"waits for {awaited}", style="yellow"))
    lines += [Text(OUTCOMES[row["outcome"]], style="yellow")] if row["outcome"] else []
    lines += [Text(f"blocked: {_BLOCKED[row['blocked']]}", style="red")] if row["blocked"] else []
    return Text("\n").join(lines)


_BLOCKED = {
    "workflow_task_failing": "its workflow task keeps failing",
    "activity_paused": "an activity is paused in Temporal",
}
# What the status of a finished project does not say.
OUTCOMES = {
    "completed_with_skipped_failures": "failed tasks were skipped",
    "rejected": "the plan was rejected",
    "expired": "nobody approved it in time",
}
_AWAITED = {
    "awaiting_approval": "approval",
    "changes_requested": "changes by its author",
    "awaiting_phase_approval": "phase approval",
    "awaiting_decision": "an answer",
}


def _awaited(row: Json) -> str:
    """What a listed project needs a person to do."""
    number = 0 if row["stage"] == "cancelling" else row["manual_waiting"]
    manual = f"{number} manual task{'' if number == 1 else 's'}" if number else ""
    return _AWAITED.get(row["stage"]) or manual


def review_text(project: Json) -> Text | None:
    """Who has requested changes to the plan or rejected it, and why; None if nobody has."""
    review: Json | None = project["rejected"] or project["changes_requested"]
    if review is None:
        return None
    if project["rejected"]:
        what = "rejected version"
    elif project["stage"] == "changes_requested":
        what = "requested changes to version"
    else:
        what = "had requested changes to version"
    return Text(f"{visible(review['by'])} {what} {review['version']}: {visible(review['comment'])}", style="yellow")


def output_files(project: Json) -> list[tuple[str, Path, int | None]]:
    """The expected files of completed tasks: task key, path, and size in bytes (None if the file is missing)."""
    root = Path(project["workspace"])
    producers = {
        root / file: task["key"]
        for task in project["tasks"]
        if task["status"] == "completed"
        for file in task["expected_files"]
    }
    return [(key, path, path.stat().st_size if path.exists() else None) for path, key in producers.items()]


def files_table(files: list[tuple[str, Path, int | None]]) -> Listing:
    """A table of output files. A terminal that can do so makes each path a link to its file."""
    rows = [
        (
            _linked(path, is_there=length is not None),
            Text("missing", style="red") if length is None else size(length),
            key,
        )
        for key, path, length in files
    ]
    return table(("file", fixed("size", right=True), extra("made by")), rows)


def _linked(path: Path, *, is_there: bool) -> Text:
    return Text(visible(str(path)), style=Style(link=path.as_uri()) if is_there else "")


def _count(items: list[Any], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
