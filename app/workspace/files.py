"""Records about the files in workspaces: their checksums, who uploaded each one, and which task made it."""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypedDict, cast

from sqlalchemy import Connection, bindparam, delete, insert, select

from app.domain.file_paths import MAX_PATH_LENGTH, PRIVATE_FOLDER, is_private
from app.domain.identity import isoformat, parse_time
from app.domain.sender import Actor, as_sender
from app.storage.projects import ProjectRow
from app.storage.tables import attempts, files, runs
from app.storage.tasks import TaskRow
from app.workspace.file_names import as_text
from app.workspace.folders import open_file, open_folder
from app.workspace.uploads import Placed
from app.workspace.workspaces import root_of
from signoff.schemas.json_value import JsonObject

MAX_FILES = 10_000
# In a folder that a caller named, which may be a whole repository, these hold no results.
_LEFT_OUT = frozenset({".git", "node_modules", ".venv", "__pycache__"})
_CHUNK = 1024 * 1024
# A larger file is not looked into: it counts as having content.
_MAX_BLANK = 4096
_EPOCH = datetime.fromtimestamp(0, UTC)
# A task may set any time on its files. Dates and databases accept only times inside this range, which spans centuries.
_MAX_NS = 2**63 - 1


@dataclass(frozen=True)
class Known:
    """A stored checksum, and the state of the file that it was computed from."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str
    uploaded_at: str | None = None
    uploaded_by: str | None = None
    uploaded_by_id: str | None = None

    @property
    def uploaded(self) -> bool:
        """Whether a caller uploaded it."""
        return self.uploaded_at is not None


@dataclass(frozen=True)
class WorkspaceFile:
    """A regular file in a workspace."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The components of its path."""
        return tuple(self.path.split("/"))

    @property
    def modified(self) -> datetime:
        """When it was last written, according to the file itself."""
        return _EPOCH + timedelta(microseconds=self.mtime_ns // 1000)

    @property
    def modified_at(self) -> str:
        """`modified` as a timestamp."""
        return isoformat(self.modified)

    def fits(self, known: Known | None) -> bool:
        """Whether a stored checksum is still valid for this file."""
        current = (self.size, self.mtime_ns, self.ctime_ns)
        return known is not None and (known.size, known.mtime_ns, known.ctime_ns) == current


class Origin:
    """Tells which task made a file, and when the project's first run began.

    Args:
        declared: ids of tasks, by the path that each declares.
        windows: start, end and task of each attempt.
        began: when the first run began, or None if there was none.
    """

    def __init__(self, declared: dict[str, str], windows: Sequence[tuple[str, str, str]], began: str | None) -> None:
        self.declared = declared
        self.began = began
        self._changes, self._alone = _alone_from(windows)

    def maker_of(self, file: WorkspaceFile) -> str | None:
        """Return the task that declares the file, or else the only task that was running when it was last written."""
        if file.path in self.declared:
            return self.declared[file.path]
        # An attempt covers both its start and its end.
        return self._alone[bisect_right(self._changes, (file.modified_at, False))]


def _alone_from(windows: Sequence[tuple[str, str, str]]) -> tuple[list[tuple[str, bool]], list[str | None]]:
    """Return the moments when attempts start (False) or end (True), and which task runs alone before and after each."""
    starts = [((start, False), task) for start, _, task in windows]
    ends = [((end, True), task) for _, end, task in windows]
    changes: list[tuple[str, bool]] = []
    active: Counter[str] = Counter()
    alone: list[str | None] = [None]
    for change, task in sorted(starts + ends):
        active[task] += -1 if change[1] else 1
        if not active[task]:
            del active[task]
        changes.append(change)
        alone.append(next(iter(active)) if len(active) == 1 else None)
    return changes, alone


def origin(conn: Connection, project_id: str, rows: Sequence[TaskRow]) -> Origin:
    """Read from the record which task made which file."""
    declared = {path: row.id for row in rows for path in row.expected_files}
    for row in rows:
        # An altered row is for the audit to report.
        stored = cast("object", row.action)
        save_to = cast("JsonObject", stored).get("save_to") if isinstance(stored, dict) else None
        if save_to:
            declared[str(save_to)] = row.id
    query = select(attempts.c.started_at, attempts.c.ended_at, attempts.c.task_id).where(
        attempts.c.project_id == project_id
    )
    windows = [(row.started_at, row.ended_at or "9999", row.task_id) for row in conn.execute(query)]
    first = select(runs.c.started_at).where(runs.c.project_id == project_id).order_by(runs.c.number).limit(1)
    return Origin(declared, windows, conn.execute(first).scalar_one_or_none())


def known_of(conn: Connection, project_id: str) -> dict[str, Known]:
    """Return the stored checksums of a project's files, by path."""
    rows = conn.execute(select(files).where(files.c.project_id == project_id))
    return {row.path: Known(**{name: getattr(row, name) for name in Known.__dataclass_fields__}) for row in rows}


def note_checksums(
    conn: Connection, project_id: str, taken: dict[str, tuple[WorkspaceFile, str]], known: dict[str, Known]
) -> None:
    """Store checksums that were computed while `known` was the stored state. Newer entries are not overwritten.

    The record of who uploaded a file stays while its content is unchanged.
    """
    current = known_of(conn, project_id)
    found: dict[str, Known] = {}
    for path, (file, sha256) in taken.items():
        earlier = current.get(path)
        if earlier == known.get(path):
            fresh = Known(file.size, file.mtime_ns, file.ctime_ns, sha256)
            if earlier is not None and earlier.sha256 == sha256:
                by = (earlier.uploaded_at, earlier.uploaded_by, earlier.uploaded_by_id)
                fresh = Known(file.size, file.mtime_ns, file.ctime_ns, sha256, *by)
            found[path] = fresh
    _put(conn, project_id, found)


def note_upload(conn: Connection, project_id: str, path: str, placed: Placed, *, actor: Actor, at: str) -> None:
    """Record who uploaded a file."""
    by = as_sender(actor)
    known = Known(placed.size, placed.mtime_ns, placed.ctime_ns, placed.sha256, at, by.actor, by.actor_id)
    _put(conn, project_id, {path: known})


def _put(conn: Connection, project_id: str, found: dict[str, Known]) -> None:
    if not found:
        return
    conditions = (files.c.project_id == project_id, files.c.path == bindparam("of_path"))
    conn.execute(delete(files).where(*conditions), [{"of_path": path} for path in found])
    conn.execute(insert(files), [{"project_id": project_id, "path": path, **asdict(it)} for path, it in found.items()])


def listed(
    project: ProjectRow, made: Origin, known: dict[str, Known], *, most: int = MAX_FILES
) -> tuple[list[WorkspaceFile], bool]:
    """Return a project's files, by path, and whether there are more than `most`; the rest are left out. Blocking.

    For a workspace that Signoff made, that is every file. For a folder that a caller named: the files that tasks declare,
    uploads, and files written since the first run began.
    """
    found: list[WorkspaceFile] = []
    root = root_of(project.workspace, project.path)
    since = parse_time(made.began).timestamp() * 1e9 if made.began else None
    for file in _walk(root, skip=_LEFT_OUT if project.path is not None else frozenset()):
        ours = file.path in made.declared or (file.path in known and known[file.path].uploaded)
        recent = since is not None and file.mtime_ns >= since
        if project.path is None or ours or recent:
            if len(found) == most:
                return sorted(found, key=lambda item: item.path), True
            found.append(file)
    return sorted(found, key=lambda item: item.path), False


def paths_in(root: Path, most: int) -> list[str]:
    """Return at most `most` paths of a workspace's files, sorted. Which ones are returned is arbitrary. Blocking."""
    return [file.path for file in found_in(root, most)]


def found_in(root: Path, most: int) -> list[WorkspaceFile]:
    """Return at most `most` of a workspace's files, sorted by path. Which ones are returned is arbitrary. Blocking."""
    return sorted(islice(_walk(root, skip=_LEFT_OUT), most), key=lambda file: file.path)


def logs(project: ProjectRow, rows: Sequence[TaskRow]) -> list[tuple[str, WorkspaceFile]]:
    """Return the logs of all attempts, each with its task's id. Blocking."""
    root = root_of(project.workspace, project.path)
    found: list[tuple[str, WorkspaceFile]] = []
    for row in rows:
        for number in range(1, row.attempt + 1):
            path = log_path(row.id, number)
            try:
                descriptor = open_file(root, path.split("/"))
            except OSError:
                continue
            found.append((row.id, _file(path, os.fstat(descriptor))))
            os.close(descriptor)
    return found


def log_path(task_id: str, attempt: int) -> str:
    """Return the path of an attempt's log in its workspace."""
    return f"{PRIVATE_FOLDER}/attempts/{task_id}/{attempt}/log"


def sha256_of(root: Path, file: WorkspaceFile) -> str | None:
    """Return a file's checksum, or None if it is gone or was written meanwhile. Blocking, with constant memory."""
    try:
        descriptor = open_file(root, file.parts)
    except OSError:
        return None
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb", buffering=0) as opened:
        while data := opened.read(_CHUNK):
            digest.update(data)
        same = _file(file.path, os.fstat(opened.fileno())) == file
    return digest.hexdigest() if same else None


class Fingerprint(TypedDict):
    """The size of a file in bytes, and its checksum."""

    size: int
    sha256: str


def fingerprint(root: Path, path: str) -> Fingerprint | None:
    """Return size and checksum of a regular file below a folder, or None if there is none. Blocking, with constant memory."""
    parts = path.split("/")
    if ".." in parts:
        return None
    try:
        descriptor = open_file(root, parts)
    except (OSError, ValueError):
        return None
    digest, size = hashlib.sha256(), 0
    with os.fdopen(descriptor, "rb", buffering=0) as opened:
        while data := opened.read(_CHUNK):
            digest.update(data)
            size += len(data)
    return {"size": size, "sha256": digest.hexdigest()}


def fingerprints(root: Path, paths: Sequence[str]) -> dict[str, Fingerprint | None]:
    """Size and checksum of each file; None for a missing one. Blocking."""
    return {path: fingerprint(root, path) for path in paths}


def size_of(root: Path, path: str) -> int | None:
    """The size of an expected file in bytes; None if it is missing or outside the workspace. Blocking.

    A folder counts as a file: its size is 0 if it is empty, and 1 otherwise.
    """
    try:
        resolved = (root / path).resolve()
        if not resolved.is_relative_to(root.resolve()):
            return None
        status = resolved.stat()
        if stat.S_ISDIR(status.st_mode):
            return 1 if any(resolved.iterdir()) else 0
    except (OSError, ValueError, RuntimeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def missing(root: Path, paths: Sequence[str]) -> list[str]:
    """The expected files that are missing. Blocking."""
    return [path for path in paths if size_of(root, path) is None]


def empty(root: Path, paths: Sequence[str]) -> list[str]:
    """The expected files that are there, with nothing or only white space in them. Blocking."""
    return [path for path in paths if _is_empty(root, path)]


def _is_empty(root: Path, path: str) -> bool:
    size = size_of(root, path)
    if not size or size > _MAX_BLANK:
        return size == 0
    try:
        return not (root / path).read_bytes().strip()
    except OSError:
        # A folder, or a file that is gone by now.
        return False


def looked_at(path: str, descriptor: int) -> WorkspaceFile:
    """Return the file behind a descriptor."""
    return _file(path, os.fstat(descriptor))


def _walk(root: Path, *, skip: frozenset[str]) -> Iterator[WorkspaceFile]:
    """Yield every regular file below a folder except Signoff's own. Links are not followed.

    Names that are not UTF-8 are yielded as text. If that is the name of another file, that one takes its place.
    """
    stack = [""]
    while stack:
        folder = stack.pop()
        with ExitStack() as opened:
            try:
                descriptor = open_folder(root, folder.split("/") if folder else ())
                opened.callback(os.close, descriptor)
                entries = opened.enter_context(os.scandir(descriptor))
            except OSError:
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    if entry.name not in skip and not is_private(entry.name):
                        stack.append(path)
                elif stat.S_ISREG(found.st_mode) and _is_listed(shown := as_text(path), entry.name, descriptor):
                    yield _file(shown, found)


def _is_listed(path: str, name: str, folder: int) -> bool:
    """Whether a file can be named by this path, and no other file in the same folder has its name as text."""
    text = as_text(name)
    if text != name:
        with suppress(OSError):
            os.lstat(text, dir_fd=folder)
            return False
    return len(path) <= MAX_PATH_LENGTH


def _file(path: str, found: os.stat_result) -> WorkspaceFile:
    mtime_ns = max(-_MAX_NS, min(found.st_mtime_ns, _MAX_NS))
    return WorkspaceFile(path, found.st_size, mtime_ns, found.st_ctime_ns)
