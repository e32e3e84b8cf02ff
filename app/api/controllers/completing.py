"""Completes a task for a person: records what they have read, and which expected files they do without."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import Connection

from app.api.http.bodies import CompleteTask
from app.api.http.services import Services
from app.domain import commands
from app.domain.errors import Conflict, Invalid
from app.domain.unseen import READ, shown_by
from app.storage import plans, projects
from app.storage.projects import ProjectRow
from app.workspace import files
from app.workspace.file_hashes import Hashed, hash_files
from signoff.schemas.problems import Problem
from signoff.schemas.tasks import Task
from signoff.vocabulary import TaskStatus


async def completion(services: Services, project_id: str, task: Task, data: CompleteTask) -> commands.CompleteTask:
    """The command that completes a task, with the checksums of the files that the task shows.

    Raises:
        Conflict: `file_missing`: a file is not there. `file_changed`: a file is not as the person saw it.
            `file_unreadable`: a file cannot be read.
        Invalid: the request names files that the task neither shows nor is expected to make.
    """
    command = commands.CompleteTask(task=task.id, outputs=data.outputs)
    shown = shown_by(task.action)
    _check_named(data, shown, task.expected_files)
    if task.status != TaskStatus.WAITING or not (shown or task.expected_files):
        return command
    project, enforced = await services.database.read(lambda conn: _read(conn, project_id))
    workspace = await asyncio.to_thread(services.workspaces.checked, project.workspace, project.path)
    if shown:
        found = await asyncio.to_thread(hash_files, str(workspace), shown)
        command.read = {path: _checksum(path, found.get(path), data.read.get(path)) for path in shown}
        command.outputs = {**data.outputs, READ: {**command.read}}
    if enforced:
        command.missing_files = await _accepted(workspace, task, data) or None
    return command


def _read(conn: Connection, project_id: str) -> tuple[ProjectRow, bool]:
    """The project, and whether tasks of its approved plan fail if an expected file is missing."""
    project = projects.get(conn, project_id)
    frozen = plans.current(conn, project).frozen or {}
    return project, bool(frozen.get("products"))


def _check_named(data: CompleteTask, shown: list[str], expected: list[str]) -> None:
    for field, paths, allowed, what in (
        ("read", [*data.read], shown, "does not show the file"),
        ("missing_files", data.missing_files, expected, "is not expected to make the file"),
    ):
        for path in paths:
            if path not in allowed:
                message = f"The task {what} '{path}'. Remove it from the request."
                raise Invalid(message, details=[Problem(field=field, message=message)])


def _checksum(path: str, found: Hashed | None, seen: str | None) -> str:
    if found is None:
        message = f"There is no file {path} in the workspace, so nobody can read it. Skip the task if it is not needed."
        raise Conflict(message, code="file_missing", context={"missing_files": [path]})
    if not found.known:
        raise Conflict(f"{path} cannot be read: {found.reason}.", code="file_unreadable", context={"path": path})
    if seen is not None and seen != found.sha256:
        message = f"{path} has changed since you looked at it. Read it again."
        raise Conflict(message, code="file_changed", context={"path": path, "sha256": found.sha256})
    return found.sha256


async def _accepted(workspace: Path, task: Task, data: CompleteTask) -> list[str]:
    """The missing files that the person does without."""
    missing = await asyncio.to_thread(files.missing, workspace, task.expected_files)
    left = [path for path in missing if path not in data.missing_files]
    if left:
        are, them = ("is", "it") if len(left) == 1 else ("are", "them")
        message = (
            f"The plan expects {', '.join(left)} from this task, which {are} not in the workspace. Upload {them}, or name "
            f"{them} in missing_files to do without."
        )
        raise Conflict(message, code="file_missing", context={"missing_files": left})
    return missing
