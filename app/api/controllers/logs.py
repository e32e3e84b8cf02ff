"""The logs of tasks, as text or as a live stream."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream
from sqlalchemy import Connection

from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain.errors import NotFound
from app.domain.states import FINISHED_TASK
from app.storage import projects, tasks
from app.workspace import files
from app.workspace.folders import open_file
from app.workspace.workspaces import root_of
from signoff.vocabulary import ProjectStatus, Scope, TaskStatus

PING_SECONDS = 10.0
_LOOK_SECONDS = 0.25
_CHUNK = 64 * 1024
_TEXT = {
    200: ResponseSpec(
        str,
        description="The log as text; with `follow`, server-sent events.",
        media_type="text/plain",
        generate_examples=False,
    )
}


class LogController(Controller):
    """The log of one task."""

    path = "/api/projects/{project_id:str}/tasks/{task_id:str}/logs"
    tags = ("tasks",)

    @get("/", operation_id="getTaskLog", opt={SCOPE: Scope.READ}, summary="Get a task's log", responses=_TEXT)
    async def get_task_log(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
        attempt: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)] = None,
        follow: FromQuery[bool] = False,
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> Response[Any]:
        """The log of the newest attempt, or of the given one; `follow` streams new output until the attempt ends."""
        log = await services.database.read(lambda conn: _find(conn, project_id, task_id, attempt))
        if follow:
            text = last_event_id or ""
            start = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            return ServerSentEvent(_followed(services, log, start), headers=headers)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Stream(_whole(log), media_type="text/plain", headers=headers)


class _Log:
    """The log of an attempt; `number` is 0 if there was no attempt yet."""

    def __init__(self, project_id: str, task_id: str, workspace: Path, number: int) -> None:
        self.project_id = project_id
        self.task_id = task_id
        self.number = number
        self._workspace = workspace

    def read(self, offset: int) -> bytes:
        """The next bytes from `offset`; empty if there are none yet. Blocking."""
        try:
            descriptor = open_file(self._workspace, files.log_path(self.task_id, self.number).split("/"))
        except OSError:
            return b""
        try:
            return os.pread(descriptor, _CHUNK, offset)
        finally:
            os.close(descriptor)


def _find(conn: Connection, project_id: str, task: str, attempt: int | None) -> _Log:
    project = projects.get(conn, project_id)
    row = tasks.get(conn, project_id, task)
    if attempt is not None and attempt > row.attempt:
        raise NotFound(
            f"Task '{row.key}' has no attempt {attempt}; its newest one is {row.attempt}.", code="attempt_not_found"
        )
    return _Log(project_id, row.id, root_of(project.workspace, project.path), attempt or row.attempt)


async def _whole(log: _Log) -> AsyncGenerator[bytes, None]:
    offset, decoder = 0, _decoder()
    while data := await asyncio.to_thread(log.read, offset):
        offset += len(data)
        yield decoder.decode(data).encode()
    yield decoder.decode(b"", final=True).encode()


def _decoder() -> codecs.IncrementalDecoder:
    """Decodes a log piece by piece; bytes that are not UTF-8 become U+FFFD."""
    return codecs.getincrementaldecoder("utf-8")("replace")


async def _followed(services: Services, log: _Log, offset: int) -> AsyncGenerator[ServerSentEventMessage, None]:
    """New output, each message with the offset after it, until the attempt has ended and all output is sent."""
    yield ServerSentEventMessage(comment="signoff", data=None)
    decoder = _decoder()
    sent_at = time.monotonic()
    while True:
        over = await services.database.read(lambda conn: _is_over(conn, log))
        while data := await asyncio.to_thread(log.read, offset):
            offset += len(data)
            text = decoder.decode(data)
            if text:
                sent_at = time.monotonic()
                # An incomplete character is sent with the next piece, so this offset does not include it.
                yield _message(text, offset - len(decoder.getstate()[0]))
        if over:
            rest = decoder.decode(b"", final=True)
            if rest:
                yield _message(rest, offset)
            yield ServerSentEventMessage(event="end", data="{}")
            return
        if time.monotonic() - sent_at > PING_SECONDS:
            sent_at = time.monotonic()
            yield ServerSentEventMessage(comment="ping", data=None)
        await asyncio.sleep(_LOOK_SECONDS)


def _message(text: str, offset: int) -> ServerSentEventMessage:
    return ServerSentEventMessage(event="log", id=offset, data=json.dumps({"text": text}, ensure_ascii=False))


def _is_over(conn: Connection, log: _Log) -> bool:
    """Whether the attempt has ended: a newer one has begun, or the task is not running. A first attempt is waited for."""
    project = projects.find(conn, log.project_id)
    row = tasks.find(conn, log.project_id, log.task_id) if project is not None else None
    if project is None or row is None:
        return True
    if log.number == 0 and row.attempt == 0:
        return project.status != ProjectStatus.RUNNING or row.status in FINISHED_TASK
    log.number = log.number or row.attempt
    return row.attempt != log.number or row.status != TaskStatus.RUNNING
