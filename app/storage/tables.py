"""The database tables. Times are ISO 8601 texts and structured values are JSON. Ids come from `app.domain.identity`.

`position` columns only rise and never reuse a deleted row's number. The change feed asks for everything above the last one.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.storage.columns import POSITION, metadata, origin, partial_index, project_id

# What waits for a person, or has a gate at which somebody waits. Index and query use these same texts: with parameters, a
# database may not see that they match.
HAS_GATE = text("gate IS NOT NULL")
# A project that needs a workflow: running, planning, or with a request in progress.
NEEDS_WORKFLOW = text("(status = 'running' OR stage = 'planning' OR engaged)")
IS_READY = text("status = 'ready'")
IS_OPEN = text("status = 'open'")

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    # The name without case and accents, by which lists are ordered.
    Column("name_key", Text, nullable=False, server_default=text("''")),
    # Where the search index has the project (`app.storage.project_search`).
    Column("text_position", BigInteger),
    Column("description", Text, nullable=False),
    Column("strategy", String(32), nullable=False),
    Column("auto_approve_plan", Boolean, nullable=False),
    Column("auto_approve_phases", Boolean, nullable=False),
    Column("decision_mode", String(16), nullable=False),
    Column("path", Text),
    Column("agent_id", String(64)),
    Column("sme_archetype", String(64)),
    # None: the limit from the settings.
    Column("max_tokens", BigInteger),
    Column("max_cost_usd", Float),
    # Values for the parameters of the next plan, by name.
    Column("parameters", JSON, nullable=False, default=dict),
    # Short words by which projects are found, and roles are bound to some of them.
    Column("labels", JSON, nullable=False, default=list),
    # The name of the template from which it was started, by which figures are grouped.
    Column("template", Text),
    # What the project demands of its signers in addition to the policies.
    Column("signing", JSON(none_as_null=True)),
    Column("status", String(16), nullable=False),
    Column("stage", String(32), nullable=False),
    # The stage to return to if planning fails.
    Column("former_stage", String(32)),
    Column("plan_version", Integer),
    Column("run_id", String(64)),
    Column("gate", JSON(none_as_null=True)),
    Column("failure", JSON(none_as_null=True)),
    # What the status of a completed project does not say.
    Column("outcome", String(64)),
    Column("workspace", Text, nullable=False),
    # True from the moment a request is sent to a workflow until the workflow has closed. Only while it is False may a cancel or
    # a delete be decided without asking Temporal.
    Column("engaged", Boolean, nullable=False, default=False),
    Column("paused", Boolean, nullable=False, default=False),
    # How often clients have changed the fields that they may set. It is the number in the project's ETag.
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_by_id", String(64)),
    Column("updated_at", String(32), nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("last_hash", String(64), nullable=False),
    # Since when the project is in the archive. None: it is not.
    Column("archived_at", String(32)),
    # For the projects that a search finds, and their counts by status.
    Index("ix_projects_text", "text_position", "status", "archived_at"),
    partial_index("ix_projects_gate", "id", where=HAS_GATE),
    partial_index("ix_projects_live", "id", where=NEEDS_WORKFLOW),
)

Index("ix_projects_status", projects.c.status, projects.c.created_at.desc(), projects.c.id.desc())

plans = Table(
    "plans",
    metadata,
    project_id(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("status", String(16), nullable=False),
    Column("digest", String(64)),
    Column("planner", String(64), nullable=False),
    Column("instructions", Text),
    # The values that were given for the plan's parameters, by name.
    Column("parameters", JSON, nullable=False, default=dict),
    # The version that this one revises, if it was made from a person's instructions.
    Column("based_on", Integer),
    # What the digest covers, word for word: the draft by key, and the run settings.
    Column("draft", JSON(none_as_null=True)),
    Column("settings", JSON(none_as_null=True)),
    # Ids by key: {"phases": {key: id}, "tasks": {key: id}}.
    Column("ids", JSON(none_as_null=True)),
    # What else the approval froze (`app.domain.frozen`), and the texts of small files, to show what has changed.
    Column("frozen", JSON(none_as_null=True)),
    Column("signed_texts", JSON(none_as_null=True)),
    Column("failure", JSON(none_as_null=True)),
    Column("created_at", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_by_id", String(64)),
    Column("approved_at", String(32)),
    Column("approved_by", Text),
    Column("approved_by_id", String(64)),
    partial_index("ix_plans_ready", "project_id", "version", where=IS_READY),
)

phases = Table(
    "phases",
    metadata,
    Column("id", String(64), primary_key=True),
    project_id(),
    Column("key", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("strategy", String(16), nullable=False),
    Column("requires_approval", Boolean, nullable=False),
    # Who opened the gate. A retry does not stop again at a phase that was approved.
    Column("approved_at", String(32)),
    Column("approved_by", Text),
    Column("condition", JSON(none_as_null=True)),
    Column("runs_on", String(16), nullable=False, default="success"),
    Column("status", String(32), nullable=False),
    Column("started_at", String(32)),
    Column("completed_at", String(32)),
    UniqueConstraint("project_id", "key"),
)

# A task that a person must do or release.
WAITS_FOR_PERSON = text("status = 'waiting' AND reason IN ('manual', 'release')")
IN_QUARANTINE = text("quarantine IS NOT NULL")

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(64), primary_key=True),
    project_id(),
    Column("phase_id", String(64), ForeignKey("phases.id", ondelete="CASCADE"), nullable=False),
    Column("key", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("agent_id", String(64)),
    Column("action", JSON, nullable=False),
    # Keys of the tasks that it waits for: declared, referenced, or implied by the order of a sequential phase.
    Column("depends_on", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("expected_files", JSON, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("timeout_seconds", Float),
    Column("on_crash", String(8), nullable=False),
    # None: the project's decision_mode decides.
    Column("after_failure", String(8)),
    Column("reads", JSON, nullable=False, default=list),
    Column("writes", JSON, nullable=False, default=list),
    Column("limits", JSON, nullable=False, default=dict),
    # How another task must have ended; if it ends otherwise, this one is skipped (`app.domain.conditions`).
    Column("condition", JSON(none_as_null=True)),
    # Whether a person must release the task before it starts.
    Column("requires_approval", Boolean, nullable=False, default=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(64)),
    Column("outputs", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("exit_code", Integer),
    Column("log_bytes", Integer, nullable=False, default=0),
    Column("started_at", String(32)),
    Column("completed_at", String(32)),
    # When a timer ends, or the wait before the next attempt.
    Column("due_at", String(32)),
    # `attempt` numbers every attempt of the task. `recorded_try` is the workflow's own count, in which an attempt that was lost
    # with its worker keeps its number when it is repeated. `token` is the fencing token: only its holder may write.
    Column("attempt", Integer, nullable=False, default=0),
    Column("recorded_try", Integer, nullable=False, default=0),
    Column("token", String(200)),
    # Why the task runs in its own process. Set after several workers were lost while they ran it.
    Column("quarantine", Text),
    UniqueConstraint("project_id", "key"),
    Index("ix_tasks_project_position", "project_id", "position"),
    Index("ix_tasks_phase", "phase_id"),
    partial_index("ix_tasks_quarantine", "project_id", where=IN_QUARANTINE),
    partial_index("ix_tasks_manual", "project_id", "status", "reason", where=WAITS_FOR_PERSON),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    project_id(),
    Column("number", Integer, nullable=False),
    Column("plan_version", Integer, nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("temporal_run_id", String(64)),
    Column("started_at", String(32), nullable=False),
    Column("completed_at", String(32)),
    UniqueConstraint("project_id", "number"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    project_id(),
    Column("run_id", String(64), nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("token", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("error", JSON(none_as_null=True)),
    # Approved files that changed while it ran, by path: the checksum of each afterwards, null for a file that is gone.
    Column("left_behind", JSON(none_as_null=True)),
    # The last heartbeat of an attempt that was told to stop and has not ended.
    Column("stopping_at", String(32)),
    # `worker` is the worker instance that ran it. `with_worker`: that instance ended or fell silent during the attempt.
    # `witnessed`: it was a quarantine, and was seen to die by a signal that only the attempt can have sent.
    Column("worker", String(200)),
    Column("with_worker", Boolean, nullable=False, default=False),
    Column("witnessed", Boolean, nullable=False, default=False),
    Index("ix_attempts_project", "project_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    project_id(),
    Column("request_id", String(200), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    *origin(),
    Column("at", String(32), nullable=False),
    Column("comment", Text, nullable=False),
    Column("plan_version", Integer),
    Column("plan_digest", String(64)),
    Column("outcome", String(16), nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("payload", JSON, nullable=False),
    UniqueConstraint("project_id", "request_id"),
    sqlite_autoincrement=True,
)

# What waits for people's approval under a policy. The demands were settled when it opened.
gates = Table(
    "gates",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    project_id(),
    Column("kind", String(16), nullable=False),
    # What waits: a version, or the id of a phase, task, run or question; for a phase and a task with the run.
    Column("subject", String(200), nullable=False),
    Column("plan_version", Integer, nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Column("rules", JSON, nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("expires_at", String(32)),
    # open, passed, expired or withdrawn
    Column("status", String(16), nullable=False),
    Column("closed_at", String(32)),
    # The decision that has completed the approvals, and until when it can be withdrawn. The gate opens after that.
    Column("completed_by", String(64)),
    Column("undo_until", String(32)),
    Index("ix_gates_project", "project_id", "status"),
    Index("ix_gates_expiry", "status", "expires_at"),
    Index("ix_gates_undo", "status", "undo_until"),
    sqlite_autoincrement=True,
)

# What people ask for, stored before a workflow is told. Signals carry only the id of a row in this table.
commands = Table(
    "commands",
    metadata,
    Column("id", String(64), primary_key=True),
    project_id(),
    Column("request_id", String(200), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    *origin(),
    Column("comment", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    # The plan and the run that were current when the command was stored.
    Column("plan_version", Integer),
    Column("plan_digest", String(64)),
    Column("run_id", String(64)),
    Column("at", String(32), nullable=False),
    # An authentication code over the row, made with a key that only the app has.
    Column("seal", Text),
    UniqueConstraint("project_id", "request_id"),
)

# Decisions that a person is asked for. The answer is a row of `decisions`; `decision_id` refers to it.
questions = Table(
    "questions",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    project_id(),
    Column("run_id", String(64), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("question", Text, nullable=False),
    # An action's own name for its question, by which it finds the answer.
    Column("reference", String(200)),
    Column("options", JSON, nullable=False),
    # What else the answer refers to: things that differ from what was approved.
    Column("details", JSON(none_as_null=True)),
    Column("default_answer", Text),
    Column("status", String(16), nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("expires_at", String(32)),
    Column("answer", Text),
    Column("closed_at", String(32)),
    Column("closed_by", Text),
    Column("decision_id", String(64)),
    Index("ix_questions_task", "task_id", "status"),
    Index("ix_questions_project", "project_id", "status"),
    partial_index("ix_questions_open", "project_id", "status", where=IS_OPEN),
    sqlite_autoincrement=True,
)

# The answers to requests with an Idempotency-Key, for repeats of them.
idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", String(200), primary_key=True),
    Column("method", String(8), primary_key=True),
    Column("path", String(500), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    # None while the first request is in progress. Until `claimed_until`, nobody else may take it over.
    Column("status", Integer),
    Column("headers", JSON(none_as_null=True)),
    Column("body", LargeBinary),
    Column("claimed_until", String(32), nullable=False),
    Column("created_at", String(32), nullable=False),
    Index("ix_idempotency_created", "created_at"),
)

# Checksums of files in workspaces, valid while size and times are unchanged, and who uploaded each file.
files = Table(
    "files",
    metadata,
    project_id(primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("ctime_ns", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("uploaded_at", String(32)),
    Column("uploaded_by", Text),
    Column("uploaded_by_id", String(64)),
)
