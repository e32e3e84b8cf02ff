"""Projects in every state, so that generated requests get past "there is no such project"."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

_MANUAL = """## One
- [ ] Look {#look}
- B: `echo n=1 >> $SIGNOFF_OUTPUT; echo text > made.txt` {#b}

## Two
- C: `true` {#c after=look}"""
_FAILING = "- A: `true` {#a}\n- F: `false` {#f retries=0}\n- G: `true` {#g after=f}"
# These plans are harmless wherever they run.
OUTLINES = (_MANUAL, _FAILING, "- A: `true` {#a}\n- B: `echo done` {#b}", "Look at it, then write it down.")


@dataclass(frozen=True)
class Kind:
    """How to bring a project into a state."""

    description: str
    calls: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    stage: str | None = None
    task: str | None = None
    added: str | None = None


_RUN = ("generate-plan", "approve")
KINDS = {
    "draft": Kind(OUTLINES[2]),
    "planned": Kind(_MANUAL, _RUN[:1]),
    "changes_requested": Kind(_MANUAL, (*_RUN[:1], "request-changes")),
    "running": Kind(_MANUAL, _RUN, task="waiting"),
    "gated": Kind(
        "## One\n- A: `true`\n\n## Two\n- B: `true`", _RUN, {"auto_approve_phases": False}, "awaiting_phase_approval"
    ),
    "asking": Kind(_FAILING, _RUN, {"decision_mode": "human"}, "awaiting_decision"),
    "paused": Kind(_MANUAL, (*_RUN, "pause"), stage="paused"),
    "edited": Kind(_MANUAL, _RUN, stage="awaiting_approval", added="Another"),
    "failed": Kind(_FAILING, _RUN, stage="finished"),
    "cancelled": Kind(_MANUAL, (*_RUN, "cancel"), stage="finished"),
}
# The states in which an operation makes sense.
WANTED = {
    "generatePlan": ("draft",),
    "regeneratePlan": ("planned", "failed"),
    "refinePlan": ("planned", "changes_requested"),
    "approveProject": ("planned", "changes_requested", "gated"),
    "cancelProject": ("planned", "running", "asking"),
    "pauseProject": ("running",),
    "discardEdit": ("edited",),
    "requestChanges": ("planned",),
    "rejectPlan": ("planned", "changes_requested"),
    "commentOnPlan": ("planned", "running", "changes_requested"),
    "resumeProject": ("paused",),
    "retryProject": ("failed", "cancelled"),
    "completeTask": ("running",),
    "skipTask": ("running", "asking"),
    "failTask": ("running", "asking"),
    "retryTask": ("asking",),
    "deleteTask": ("planned",),
    "answerDecision": ("asking",),
    "getFile": ("running", "asking"),
    "getTaskLog": ("failed",),
    "getDecision": ("asking", "cancelled"),
}
_FRESH = 0.2
_MOST = 200


@dataclass
class Project:
    """What is known about one project."""

    id: str
    tasks: list[str] = field(default_factory=list[str])
    phases: list[str] = field(default_factory=list[str])
    decisions: list[str] = field(default_factory=list[str])


class World:
    """The projects that requests are aimed at. Creates new ones when they have been deleted.

    Args:
        url: the address of the API.
        headers: headers that every request needs.
        seed: the seed for choosing among the projects.
    """

    def __init__(self, url: str, headers: dict[str, str], seed: int) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/projects", headers=headers, timeout=60)
        self.random = random.Random(seed)
        self._projects: dict[str, Project] = {}

    def project_for(self, operation: str) -> Project:
        """Return one of the projects, often one in a state in which the operation makes sense."""
        wanted = WANTED.get(operation, tuple(KINDS))
        if len(self._projects) < 12 or self.random.random() < (_FRESH if operation in WANTED else 0.05):
            return self._make(KINDS[self.random.choice(wanted)])
        return self.random.choice(list(self._projects.values()))

    def project(self, project_id: str) -> Project | None:
        """Return the project with this id if it is one of them, or None."""
        return self._projects.get(project_id)

    def learn(self, method: str, status: int, body: Any) -> None:
        """Remember the ids in an answer."""
        for item in _objects(body):
            found = item.get("id")
            if not isinstance(found, str):
                continue
            if found.startswith("proj_") and method == "DELETE":
                self.forget(found)
            elif found.startswith("proj_") and status == 201:
                self._add(Project(found))
            owner = self._projects.get(str(item.get("project_id", "")))
            if owner is not None:
                _remember(owner, found)

    def forget(self, project_id: str) -> None:
        """Remove a project that is gone."""
        self._projects.pop(project_id, None)

    def _add(self, project: Project) -> None:
        self._projects[project.id] = project
        while len(self._projects) > _MOST:
            self._projects.pop(next(iter(self._projects)))

    def _make(self, kind: Kind) -> Project:
        body = {"description": kind.description, **kind.fields}
        project = Project(self._http.post("", json=body).raise_for_status().json()["id"])
        self._add(project)
        for call in kind.calls:
            body = {"comment": "Not like this."} if call == "request-changes" else {}
            self._http.post(f"/{project.id}/{call}", json=body).raise_for_status()
        if kind.added is not None:
            self._http.post(f"/{project.id}/tasks", json={"title": kind.added}).raise_for_status()
        whole = self._settled(project.id, kind)
        waiting = [task for task in whole["tasks"] if task["status"] in {"waiting", "failed"}]
        for item in [*(waiting or whole["tasks"]), *whole["phases"]]:
            _remember(project, item["id"])
        listed = self._http.get(f"/{project.id}/decisions").raise_for_status().json()
        for item in sorted(listed["decisions"], key=lambda decision: decision["status"] != "open"):
            _remember(project, item["id"])
        return project

    def _settled(self, project_id: str, kind: Kind) -> dict[str, Any]:
        """Wait until the project is in the wanted state, and return it; after a while, return it in any state."""
        deadline = time.monotonic() + 5
        while True:
            whole: dict[str, Any] = self._http.get(f"/{project_id}").raise_for_status().json()
            there = kind.stage in {None, whole["stage"]} and (
                kind.task is None or any(task["status"] == kind.task for task in whole["tasks"])
            )
            if there or time.monotonic() > deadline:
                return whole
            time.sleep(0.02)  # why: the step of a wait that has a condition and a deadline


def _remember(project: Project, found: str) -> None:
    for prefix, known in (("task_", project.tasks), ("phase_", project.phases), ("dec_", project.decisions)):
        if found.startswith(prefix) and found not in known and len(known) < 50:
            known.append(found)


def _objects(body: Any) -> list[dict[str, Any]]:
    """Return the object in an answer, and those in its lists."""
    if not isinstance(body, dict):
        return []
    nested = [item for value in body.values() if isinstance(value, list) for item in value if isinstance(item, dict)]
    return [body, *nested]
