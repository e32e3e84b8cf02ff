"""Files of a project: list, upload and download."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from sqlalchemy import Connection

from app.api.controllers.archive import Archive
from app.api.http.actor import actor_of
from app.api.http.any_request import AnyRequest
from app.api.http.idempotency import answer_once, claim_of, claim_upload
from app.api.http.permission import SCOPE
from app.api.http.receiving import receiving
from app.api.http.sending import content_type_of, disposition, send_file
from app.api.http.services import Services
from app.domain.errors import NotFound
from app.domain.file_paths import PRIVATE_FOLDER, check_path, path_inside
from app.domain.identity import now
from app.storage import events, projects, senders, tasks
from app.storage.projects import ProjectRow
from app.storage.tasks import TaskRow
from app.workspace import files
from app.workspace.files import WorkspaceFile
from app.workspace.folders import open_file
from app.workspace.workspaces import root_of
from signoff.schemas.event_data import FileUploaded
from signoff.schemas.files import FileInfo, FileList, Uploaded
from signoff.schemas.senders import SentBy
from signoff.vocabulary import Scope

_WHOLE = {
    200: ResponseSpec(bytes, description="The file.", media_type="application/octet-stream", generate_examples=False)
}
_ZIP = {
    200: ResponseSpec(
        bytes, description="The zip file, streamed.", media_type="application/zip", generate_examples=False
    )
}


class FileController(Controller):
    """The files of one project."""

    path = "/api/projects/{project_id:str}"
    tags = ("files",)

    @get("/output-files", operation_id="listOutputFiles", opt={SCOPE: Scope.READ}, summary="List the project's files")
    async def list_output_files(self, services: NamedDependency[Services], project_id: FromPath[str]) -> FileList:
        """Files that tasks created, uploads and logs, each with its checksum and the task that created it."""
        return await file_list(services, project_id)

    @post(
        "/files/upload",
        operation_id="uploadFile",
        opt={SCOPE: Scope.AUTHOR},
        summary="Upload a file",
        status_code=200,
        request_max_body_size=None,
    )
    async def upload_file(
        self, request: AnyRequest, services: NamedDependency[Services], project_id: FromPath[str]
    ) -> Response[Uploaded]:
        """Multipart: `file`, and optionally `path` (relative) and `overwrite`. The upload is stored completely or not at all."""
        project = await services.database.read(lambda conn: projects.get(conn, project_id))
        workspace = await _workspace(services, project)
        async with receiving(request, workspace, services.settings.max_upload) as received:
            parts, overwrite = check_path(received.path), received.overwrite
            path, upload, actor = "/".join(parts), received.upload, actor_of(request)
            earlier = await claim_upload(request, path, upload.sha256)
            if earlier is not None:
                return earlier
            claim = claim_of(request)
            repeated = claim is not None and not claim.first
            placed = await asyncio.to_thread(upload.place, parts, overwrite=overwrite, repeated=repeated)

            def work(conn: Connection) -> Uploaded:
                at = now()
                projects.get(conn, project_id)
                files.note_upload(conn, project_id, path, placed, actor=actor, at=at)
                uploaded = FileUploaded(path=path, size=placed.size, sha256=placed.sha256)
                events.append(conn, project_id, uploaded, actor=actor, at=at)
                return Uploaded(path=path, size=placed.size, name=parts[-1], sha256=placed.sha256)

            return await answer_once(request, services, work)

    @get("/files/raw", operation_id="getFile", opt={SCOPE: Scope.READ}, summary="Get a file", responses=_WHOLE)
    async def get_file(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        path: Annotated[str, QueryParameter(max_length=4096)],
    ) -> Response[Any]:
        """Supports `Range`, `If-None-Match` and `If-Range`. Files that a browser would execute are sent as attachments."""
        project = await services.database.read(lambda conn: projects.get(conn, project_id))
        workspace = await _workspace(services, project)
        file, descriptor = await asyncio.to_thread(_open, workspace, path)
        return send_file(request, file, descriptor)

    @get(
        "/download",
        operation_id="downloadProject",
        opt={SCOPE: Scope.READ},
        summary="Download the project as a zip",
        responses=_ZIP,
    )
    async def download_project(self, services: NamedDependency[Services], project_id: FromPath[str]) -> Response[Any]:
        """Contains `project.json`, `plan.json`, `tasks.json`, `events.jsonl` and `decisions.json`.

        `files/` contains the workspace, `logs/` the log of each attempt, and `record/` the data that `signoff verify` checks.
        """
        archive = await Archive.of(services, project_id)
        headers = {"Content-Disposition": disposition("attachment", archive.name), "X-Content-Type-Options": "nosniff"}
        return Stream(archive.pieces(), media_type="application/zip", headers=headers)


async def file_list(services: Services, project_id: str) -> FileList:
    """The files of a project with their checksums. Missing checksums are computed and stored.

    Raises:
        NotFound: the project does not exist.
    """

    def read(
        conn: Connection,
    ) -> tuple[ProjectRow, list[TaskRow], files.Origin, dict[str, files.Known], dict[str, SentBy]]:
        project = projects.get(conn, project_id)
        rows, known = tasks.all_of(conn, project_id), files.known_of(conn, project_id)
        uploaders = senders.uploaders(conn, project) if any(file.uploaded for file in known.values()) else {}
        return project, rows, files.origin(conn, project_id, rows), known, uploaders

    project, rows, made, known, uploaders = await services.database.read(read)
    root = root_of(project.workspace, project.path)
    found, truncated = await asyncio.to_thread(files.listed, project, made, known)
    logs = await asyncio.to_thread(files.logs, project, rows)
    fresh: dict[str, tuple[WorkspaceFile, str]] = {}
    infos: list[FileInfo] = []
    entries = [*((file, None) for file in found), *((file, task_id) for task_id, file in logs)]
    truncated = truncated or len(entries) > files.MAX_FILES
    for file, task_id in entries[: files.MAX_FILES]:
        earlier = known.get(file.path)
        valid = earlier is not None and file.fits(earlier)
        sha256 = earlier.sha256 if earlier is not None and valid else None
        if sha256 is None:
            sha256 = await asyncio.to_thread(files.sha256_of, root, file)
            if sha256 is not None:
                fresh[file.path] = (file, sha256)
        uploaded = earlier is not None and earlier.uploaded and earlier.sha256 == sha256
        kind = "log" if task_id is not None else "upload" if uploaded else "output"
        maker = task_id if kind == "log" else made.maker_of(file) if kind == "output" else None
        infos.append(
            FileInfo(
                path=file.path,
                size=file.size,
                modified_at=file.modified_at,
                content_type=content_type_of(file.path),
                sha256=sha256,
                task_id=maker,
                kind=kind,
                uploader=uploaders.get(file.path) if kind == "upload" else None,
            )
        )
    if fresh:
        await services.database.transact(lambda conn: _keep(conn, project_id, fresh, known))
    return FileList(files=infos, total=len(infos), total_size=sum(info.size for info in infos), truncated=truncated)


def _keep(
    conn: Connection, project_id: str, fresh: dict[str, tuple[WorkspaceFile, str]], known: dict[str, files.Known]
) -> None:
    if projects.find(conn, project_id) is not None:
        files.note_checksums(conn, project_id, fresh, known)


async def _workspace(services: Services, project: ProjectRow) -> Path:
    return await asyncio.to_thread(services.workspaces.checked, project.workspace, project.path)


def _open(workspace: Path, path: str) -> tuple[WorkspaceFile, int]:
    """Open a file of the workspace, or the log of an attempt, but no other file of Signoff's own."""
    parts = tuple(path.split("/"))
    is_log = len(parts) == 5 and parts[:2] == (PRIVATE_FOLDER, "attempts") and parts[4] == "log" and parts[3].isdigit()
    if not is_log:
        parts = path_inside(path)
    elif not parts[2].replace("_", "").isalnum():
        raise NotFound("There is no such file.", code="file_not_found")
    try:
        descriptor = open_file(workspace, parts)
    except OSError as error:
        if not is_log:
            # An error about the name is more helpful than one about a missing file.
            check_path(path)
        raise NotFound(f"There is no file '{path[:200]}' in the workspace.", code="file_not_found") from error
    try:
        return files.looked_at(path, descriptor), descriptor
    except OSError:
        os.close(descriptor)
        raise
