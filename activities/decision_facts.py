"""What a model is shown before it answers a question: what is done, what comes next, and what an answer leads to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection

from activities.actions.masking import Masker
from app.domain.decisions import QuestionKind
from app.domain.file_paths import is_private
from app.domain.lasting import lasting_effect
from app.domain.states import FINISHED_TASK
from app.storage import plans, tasks
from app.storage.projects import ProjectRow
from app.storage.questions import QuestionRow
from app.storage.tasks import TaskRow
from app.workspace.folders import open_file
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import TaskStatus

# In characters. All of it together is a few thousand tokens, which small models can read as well.
MAX_OUTPUTS = 1_500
MAX_ALL_OUTPUTS = 6_000
MAX_FILE = 2_500
MAX_ALL_FILES = 8_000
_MAX_TEXT = 2_000
_MAX_FILES = 20
_MAX_LISTED = 40


@dataclass(frozen=True)
class Facts:
    """What the record knows about a question.

    Attributes:
        known: everything but files, as JSON.
        files: the expected files of finished tasks, each with the key of its task. The most recent are first.
        shown: whether there is anything in `known` by which the question can be judged.
    """

    known: dict[str, object]
    files: Mapping[str, str]
    shown: bool


def read_facts(conn: Connection, project: ProjectRow, task: TaskRow, question: QuestionRow) -> Facts:
    """Read what the record knows about a question."""
    rows = tasks.all_of(conn, project.id)
    finished = [row for row in rows if row.status in FINISHED_TASK and row.status != TaskStatus.CANCELLED]
    # What the task itself depends on counts most, then what was done last.
    recent = sorted(finished, key=lambda row: (row.key in task.depends_on, row.position), reverse=True)
    outputs = _outputs(recent)
    known: dict[str, object] = {
        "task": task.title,
        "description": task.description[:_MAX_TEXT],
        "done": [_done(row, outputs.get(row.key)) for row in finished[-_MAX_LISTED:]],
        "next": [_next(row) for row in rows if row.status == TaskStatus.PENDING][:_MAX_LISTED],
    }
    if question.kind == QuestionKind.DECISION:
        effects = plans.effects(plans.current(conn, project)).get(task.key, [])
        known["effects"] = [asdict(effect) for effect in effects]
    else:
        action = _cut(task.action, _MAX_TEXT)
        known |= {"error": task.error, "attempts": task.attempt, "action": action}
        known["outputs"] = _cut(task.outputs, _MAX_TEXT)
    files = {path: row.key for row in recent if row.status == TaskStatus.COMPLETED for path in row.expected_files}
    shown = question.kind != QuestionKind.DECISION or any(row.key in outputs and _says_anything(row) for row in recent)
    return Facts(known, files, shown)


def _outputs(rows: list[TaskRow]) -> dict[str, str]:
    """The outputs of tasks as JSON, by key. The first of the rows come first, until there is no more room."""
    found: dict[str, str] = {}
    room = MAX_ALL_OUTPUTS
    for row in rows:
        text = _cut(row.outputs, min(MAX_OUTPUTS, room)) if row.outputs and room > 0 else ""
        if text:
            found[row.key] = text
            room -= len(text)
    return found


def _says_anything(row: TaskRow) -> bool:
    """Whether a task has an output that is not empty. A command always has the output `stdout`, even if it prints nothing."""
    return any(value not in (None, "", [], {}) for value in row.outputs.values())


def _done(row: TaskRow, outputs: str | None) -> JsonObject:
    done: JsonObject = {"key": row.key, "title": row.title, "status": row.status}
    return {**done, "outputs": outputs} if outputs is not None else done


def _next(row: TaskRow) -> JsonObject:
    effect = lasting_effect(row.action, row.on_crash)
    named: JsonObject = {"key": row.key, "title": row.title}
    return {**named, "cannot_be_undone": f"It {effect}."} if effect is not None else named


def _cut(value: object, most: int) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]} [{len(text) - most} characters omitted]"


def beginnings(workspace: Path, files: Mapping[str, str], masker: Masker) -> list[JsonObject]:
    """The beginnings of files in the workspace, with secrets masked. Blocking. A missing file is listed as missing."""
    found: list[JsonObject] = []
    room = MAX_ALL_FILES
    for path, key in list(files.items())[:_MAX_FILES]:
        text = _beginning(workspace, path, masker, min(MAX_FILE, room)) if room > 0 else "[not shown]"
        room -= len(text or "")
        found.append({"path": path, "made_by": key, "beginning": text if text is not None else "[missing]"})
    return found


def has_text(files: list[JsonObject]) -> bool:
    """Whether any of these files has a text that was shown."""
    return any(not str(file["beginning"]).startswith("[") and str(file["beginning"]).strip() for file in files)


def _beginning(workspace: Path, path: str, masker: Masker, most: int) -> str | None:
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/") or any(map(is_private, parts)):
        return None
    try:
        with os.fdopen(open_file(workspace, parts), "rb") as file:
            data, more = file.read(most * 4), bool(file.read(1))
    except OSError:
        return None
    if b"\0" in data:
        return "[not text]"
    text = masker.data(data, cut=more).decode("utf-8", "replace")
    return f"{text[:most]} [the rest is omitted]" if more or len(text) > most else text
