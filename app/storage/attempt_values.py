"""What an attempt at a task starts from, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.decisions import QuestionKind
from app.domain.frozen import ChangeDetails, StoredFrozen
from app.domain.parameters import Value
from app.domain.plan import StoredSettings
from app.storage import projects
from app.storage.task_fields import TaskError
from app.storage.tasks import TaskRow
from signoff.schemas.json_value import JsonMapping, JsonObject
from signoff.vocabulary import TaskStatus, WaitReason


@dataclass(frozen=True)
class AttemptKey:
    """Identifies the attempt that an activity makes at a task, and the fencing token that it writes under.

    `task_id` may be the task's key until the attempt has started. `try_number` is the workflow's own count: an attempt that was
    lost with its worker is repeated under the same number.
    """

    project_id: str
    run_id: str
    task_id: str
    try_number: int
    token: str
    worker: str = ""


@dataclass(frozen=True)
class Subject:
    """What an attempt is about, read once at the start of its transaction: every check before its start decides on it."""

    project: projects.ProjectRow
    task: TaskRow
    # The run settings that were approved, and what the approval froze.
    settings: StoredSettings
    frozen: StoredFrozen | None


@dataclass(frozen=True)
class Recorded:
    """The recorded result of an attempt: the task's status, and whether it `asks`, that is, waits for a person's decision.

    `advise`: the project asks a model first, if one is configured.
    """

    status: TaskStatus
    asks: bool = False
    advise: bool = False


@dataclass(frozen=True)
class Started:
    """What an attempt starts from. `recorded` is set if its `try_number` already has an outcome; then nothing runs."""

    recorded: Recorded | None
    task: TaskRow
    project: projects.ProjectRow
    number: int
    upstream: dict[str, JsonObject]
    # The tasks among these that a person skipped.
    skipped: frozenset[str]
    # The run settings that were approved.
    settings: StoredSettings
    at: str
    # What the approval froze. None for plans that were approved before Signoff froze anything.
    frozen: StoredFrozen | None

    @property
    def parameters(self) -> dict[str, Value]:
        """The approved values of the plan's parameters."""
        return self.settings.get("parameters") or {}

    def project_value(self, name: str) -> str:
        """Return a field of the project as the task may read it: the approved value, even if the project has changed since."""
        signed = self.settings.get(f"project_{name}")
        return str(getattr(self.project, name) if signed is None else signed)


@dataclass(frozen=True)
class Question:
    """What a task asks a person. `reference` is the task's own name for the question."""

    text: str
    options: list[str]
    reference: str
    kind: QuestionKind = QuestionKind.AGENT
    details: ChangeDetails | None = None

    @property
    def reason(self) -> WaitReason:
        """Why the task waits."""
        return WaitReason.AGENT_QUESTION if self.kind == QuestionKind.AGENT else WaitReason.SIGNED_CHANGED


@dataclass(frozen=True)
class Ending:
    """The outcome that an attempt reports."""

    status: TaskStatus
    outputs: JsonObject
    error: TaskError | None = None
    exit_code: int | None = None
    log_bytes: int = 0
    # Carried by the final event, so that the seals cover the log and the files that the task was expected to make.
    log_sha256: str | None = None
    files: Mapping[str, JsonMapping | None] | None = None
    reason: str | None = None
    next_try_in: float | None = None
    # Ask a person what to do next, regardless of the plan's failure settings.
    asks: bool = False
    question: Question | None = None
    # Approved files that changed while the attempt ran, with the checksum of each afterwards; None for a file that is gone.
    left_behind: dict[str, str | None] = field(default_factory=dict[str, str | None])
    # What it ran that differs from the approved version, with the task that changed it or the decision that accepted it.
    not_as_signed: list[dict[str, str | None]] = field(default_factory=list[dict[str, str | None]])
