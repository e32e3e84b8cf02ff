"""The results of a project: the files that its tasks made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from signoff._transfers import target_for

if TYPE_CHECKING:
    from pathlib import Path

    from signoff._async.files import AsyncFiles
    from signoff._transfers import Progress
    from signoff.schemas.files import FileInfo
    from signoff.schemas.tasks import Task


@dataclass(frozen=True)
class AsyncResult:
    """A file that a task made.

    Attributes:
        project_id: the project.
        file: path, size, checksum and type of the file.
        task: the task that made it; None if it is not known.
        is_declared: whether the plan names the file as one that a task makes.
    """

    project_id: str
    file: FileInfo
    task: Task | None
    is_declared: bool
    _files: AsyncFiles

    @property
    def path(self) -> str:
        """The path in the workspace."""
        return self.file.path

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.file.size

    async def read(self) -> bytes:
        """Read the content."""
        return await self._files.read(self.project_id, self.path)

    async def download(self, target: Path, *, progress: Progress | None = None) -> int:
        """Save the file on this machine, and return its size in bytes.

        Args:
            target: the file to write, or an existing folder in which it gets its own name.
            progress: called with the bytes received so far and the size of the file.
        """
        return await self._files.download(self.project_id, self.path, target_for(self.path, target), progress=progress)


async def results_of(files: AsyncFiles, project_id: str, tasks: list[Task]) -> list[AsyncResult]:
    """The files that tasks made: first those that the plan names, in its order, then the others by path."""
    declared = list(dict.fromkeys(path for task in tasks for path in task.expected_files))
    order = {path: number for number, path in enumerate(declared)}
    by_id = {task.id: task for task in tasks}
    made = [file for file in (await files.list(project_id)).files if file.kind == "output"]
    made.sort(key=lambda file: (order.get(file.path, len(order)), file.path))
    return [
        AsyncResult(project_id, file, by_id.get(file.task_id or ""), file.path in order, files)
        for file in made
        if file.path in order or file.task_id is not None
    ]
