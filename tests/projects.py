"""Calls about projects, and waits for what becomes of them, for every kind of Signoff in the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from tests.waiting import DEADLINE, eventually

Project = dict[str, Any]


class Projects:
    """The projects of one Signoff, read through its API."""

    http: httpx.AsyncClient
    # How long each wait may take, in seconds.
    deadline = DEADLINE
    # Whether the app may be away during a wait, because a test kills it.
    may_be_away = False

    async def call(self, method: str, path: str, *, status: int = 200, **keywords: Any) -> Any:
        answer = await self.http.request(method, f"/api/projects{path}", **keywords)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json() if answer.content else None

    async def project(self, project_id: str) -> Project:
        return await self.call("GET", f"/{project_id}")

    async def until(
        self,
        project_id: str,
        condition: Callable[[Project], Any] = lambda _: True,
        *,
        seconds: float | None = None,
        **values: Any,
    ) -> Project:
        """Wait until a project has these values and meets the condition, and return it."""

        def reached(project: Project) -> bool:
            return all(project[name] == value for name, value in values.items()) and bool(condition(project))

        what = f"{project_id} has {values or 'what the test waits for'}"
        return await self._read_until(
            f"/{project_id}", lambda project: project if reached(project) else None, what, seconds
        )

    async def finished(self, project_id: str, seconds: float | None = None) -> Project:
        return await self.until(project_id, stage="finished", seconds=seconds)

    async def at_gate(self, project_id: str, phase: str | None = None) -> Project:
        """Wait until a phase, or the phase with this key, waits for its approval. Returns the project."""

        def waits(project: Project) -> bool:
            gate = project["gate"]
            keys = [each["key"] for each in project["phases"] if gate and each["id"] == gate["phase_id"]]
            return bool(gate) and phase in {None, *keys}

        return await self.until(project_id, waits)

    async def task_in(self, project_id: str, key: str, *statuses: str, **values: Any) -> dict[str, Any]:
        """Wait until a task has one of these statuses, and these values. Returns the task."""

        def reached(task: dict[str, Any]) -> bool:
            return task["status"] in statuses and all(task[name] == value for name, value in values.items())

        def found(listed: dict[str, Any]) -> dict[str, Any] | None:
            return next((task for task in listed["tasks"] if task["key"] == key and reached(task)), None)

        what = f"task {key} of {project_id} is {statuses} {values or ''}"
        return await self._read_until(f"/{project_id}/tasks", found, what)

    async def question(self, project_id: str, *, after: dict[str, Any] | None = None) -> dict[str, Any]:
        """Wait for an open decision, other than `after`, and return it."""

        def found(listed: dict[str, Any]) -> dict[str, Any] | None:
            return next((each for each in listed["decisions"] if after is None or each["id"] != after["id"]), None)

        return await self._read_until(f"/{project_id}/decisions?status=open", found, f"{project_id} asks")

    async def _read_until(
        self, path: str, found: Callable[[dict[str, Any]], Any], what: str, seconds: float | None = None
    ) -> Any:
        """Read a path until `found` returns something true about the answer, and return that."""

        async def read() -> Any:
            try:
                answer = await self.call("GET", path)
            except httpx.TransportError:
                if self.may_be_away:
                    return None
                raise
            return found(answer)

        return await eventually(read, what=what, seconds=seconds or self.deadline)
