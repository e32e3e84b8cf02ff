"""A project as a zip file, created while it is sent."""

from __future__ import annotations

import asyncio
import os
import re
import zipfile
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection
from zipstream import ZipStream

from app.api.controllers.decisions import all_decisions
from app.api.http.services import Services
from app.api.views import present
from app.domain.errors import Conflict, NotFound
from app.sealing import export
from app.sealing.export import Sums
from app.sealing.exported import file_name, log_name
from app.storage import audit, events, model_steps, projects, tasks
from app.storage.audit import Record
from app.storage.projects import ProjectRow
from app.storage.tasks import TaskRow
from app.workspace import files
from app.workspace.files import WorkspaceFile
from app.workspace.folders import open_file
from app.workspace.workspaces import root_of
from signoff.schemas.events import Event
from signoff.schemas.projects import Project

R = TypeVar("R")
_READ = 256 * 1024
_SEND = 512 * 1024
_PAGE = 500
# The zip keeps an entry for each file in memory until it is complete.
MAX_FILES = 100_000


class _Content(NamedTuple):
    """A file and its name in the zip."""

    name: str
    file: WorkspaceFile


class Archive:
    """The contents of the zip: the record as JSON, and each file of the workspace as it is when it is added.

    Attributes:
        name: the file name of the zip.
    """

    def __init__(self, services: Services, project: ProjectRow, record: Record, contents: list[_Content]) -> None:
        self._services = services
        self._project = project
        self._record = record
        self._contents = contents
        self._sums = Sums()
        words = re.sub(r"[^\w. -]+", "_", project.name, flags=re.UNICODE).strip(" ._") or "project"
        self.name = f"{words[:100]}.zip"

    @classmethod
    async def of(cls, services: Services, project_id: str) -> Archive:
        """Create the archive of a project.

        Raises:
            NotFound: the project does not exist.
            Conflict: `too_many_files`: the archive would be incomplete.
        """

        await services.sealer.seal(project_id)

        def read(conn: Connection) -> tuple[ProjectRow, Record, files.Origin, dict[str, files.Known]]:
            project = projects.get(conn, project_id)
            made = files.origin(conn, project_id, tasks.all_of(conn, project_id))
            return project, audit.read(conn, project_id), made, files.known_of(conn, project_id)

        project, record, made, known = await services.database.read(read)

        def find() -> list[_Content]:
            found, more = files.listed(project, made, known, most=MAX_FILES)
            logs = files.logs(project, record.tasks)
            if more or len(found) + len(logs) > MAX_FILES:
                message = f"The workspace has more than {MAX_FILES} files. Download the files that you need one by one."
                raise Conflict(message, code="too_many_files")
            named = [_Content(log_name(task_id, int(log.parts[-2])), log) for task_id, log in logs]
            return [*named, *(_Content(file_name(file.path), file) for file in found)]

        return cls(services, project, record, await asyncio.to_thread(find))

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The zip in pieces, each created only when it is read."""
        loop = asyncio.get_running_loop()
        stream = self._entries(loop)
        while piece := await asyncio.to_thread(_next_piece, stream):
            yield piece

    def _entries(self, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        """The bytes of the zip. Blocking: do not read them in the event loop, because they wait for it."""
        # Fast rather than small: most large files are compressed already.
        stream = ZipStream(compress_type=zipfile.ZIP_DEFLATED, compress_level=1)
        project_id = self._project.id
        decided = self._ask(loop, lambda conn: all_decisions(conn, project_id))
        signer, refused = self._services.sealer.keys.signer, self._services.sealer.refusal(project_id)
        entries: list[tuple[str, Iterator[bytes]]] = [
            ("project.json", _legible(_record(self._ask(loop, self._whole)))),
            ("plan.json", _legible(_record(self._ask(loop, self._plan)))),
            ("tasks.json", _legible(self._tasks(loop))),
            (export.EVENTS, self._events(loop)),
            ("decisions.json", _legible(_record(decided))),
            (export.ROWS, export.rows(self._record)),
            (export.KEYS, export.key_file(self._services.sealer.keys)),
        ]
        for name, data in entries:
            stream.add(self._sums.counted(name, data), name)
        root = root_of(self._project.workspace, self._project.path)
        for name, file in self._contents:
            if name in self._sums.entries:
                # Names that differ only in a backslash become the same in a zip, which must not repeat a name.
                continue
            stream.add(self._sums.counted(name, _content(root, file)), name)
            yield from stream.all_files()
        yield from stream.all_files()
        stream.add(export.manifest(self._record, self._sums, signer, refused), export.MANIFEST)
        yield from stream.finalize()

    def _ask(self, loop: asyncio.AbstractEventLoop, work: Callable[[Connection], R]) -> Iterator[R]:
        """The result of a database query, run from the zip's thread when it is needed."""
        yield asyncio.run_coroutine_threadsafe(self._services.database.read(work), loop).result()

    def _whole(self, conn: Connection) -> Project:
        row = projects.get(conn, self._project.id)
        engine = self._services.engine
        project = present.project(conn, row, temporal=engine.link(row.id), page=engine.page(row.id))
        # The tasks have their own file.
        return project.model_copy(update={"tasks": []})

    def _plan(self, conn: Connection) -> BaseModel | None:
        row = projects.get(conn, self._project.id)
        return present.plan(conn, row, None) if row.plan_version is not None else None

    def _tasks(self, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        yield b"["
        offset, separator = 0, b"\n"
        while True:
            ((rows, ids, used, users),) = self._ask(loop, partial(_page, self._project.id, offset))
            for row in rows:
                yield separator + present.task(row, ids, used, whole=True, users=users).model_dump_json().encode()
                separator = b",\n"
            if len(rows) < _PAGE:
                break
            offset += _PAGE
        yield b"\n]\n"

    def _events(self, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        """The events that the rows of the record include, without any that were added later."""
        seq, last = 0, self._record.project.last_seq
        while seq < last:
            (page,) = self._ask(loop, partial(_events_after, self._project.id, seq, min(_PAGE, last - seq)))
            for event, stored, _ in page:
                yield export.event_line(event, stored)
            if not page:
                # If events were removed, `signoff verify` reports it. If the project is gone, the archive fails.
                next(self._ask(loop, lambda conn: projects.get(conn, self._project.id)))
                return
            seq = page[-1][0].seq


def _events_after(project_id: str, seq: int, limit: int, conn: Connection) -> list[tuple[Event, str, str | None]]:
    return events.to_seal(conn, project_id, seq, limit=limit)


def _page(
    project_id: str, offset: int, conn: Connection
) -> tuple[list[TaskRow], dict[str, str], present.ModelUse, present.OutputUsers]:
    rows = tasks.all_of(conn, project_id, limit=_PAGE, offset=offset)
    used, users = model_steps.tokens_by_task(conn, project_id), tasks.output_users(conn, project_id)
    return rows, tasks.ids_by_key(conn, project_id), used, users


def _record(answers: Iterator[BaseModel | None]) -> Iterator[bytes]:
    for answer in answers:
        yield (answer.model_dump_json(indent=2) if answer is not None else "null").encode() + b"\n"


def _legible(data: Iterator[bytes]) -> Iterator[bytes]:
    """An entry for people to read. If altered rows make it unreadable, it says so; the record is exported unchanged."""
    try:
        yield from data
    except (Conflict, NotFound, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        yield b'\n{"unreadable": "Rows of this were altered. `signoff verify` names them; they are in record/rows.jsonl."}\n'


def _content(root: Path, file: WorkspaceFile) -> Iterator[bytes]:
    """The bytes of a file; none if the file is gone or has been replaced by a link."""
    try:
        descriptor = open_file(root, file.parts)
    except OSError:
        return
    with os.fdopen(descriptor, "rb", buffering=0) as opened:
        while data := opened.read(_READ):
            yield data


def _next_piece(stream: Iterator[bytes]) -> bytes:
    """The next piece, large enough for one message; empty at the end."""
    piece = bytearray()
    for data in stream:
        piece += data
        if len(piece) >= _SEND:
            break
    return bytes(piece)
