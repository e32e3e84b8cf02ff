"""A valid value other than the default for everything that a caller can send: fields of bodies and query parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Stack

Json = dict[str, Any]
# A value, or a function that creates one for the project in question.
Value = Any | Callable[[Json], Any]
NO_SUCH = "x" * 8
SHELL = {"type": "shell", "command": "true"}


def other_gates(project: Json) -> bool:
    return not project.get("auto_approve_phases", True)


def at_the_beginning(project: Json) -> int | None:
    return 0 if project["phases"] else None


def path_in(stack: Stack, project: Json) -> str:
    folder = stack.root / f"named-{project['id']}"
    folder.mkdir(exist_ok=True)
    return str(folder)


TASK: dict[str, Value] = {
    "title": "Other",
    "key": "other_key",
    "description": "Words.",
    "phase_id": NO_SUCH,
    "agent_id": "nobody",
    "action": SHELL,
    "depends_on": ["look"],
    "inputs": {"a": 1},
    "expected_files": ["a.txt"],
    "retries": 7,
    "timeout_seconds": 77,
    "on_crash": "ask",
    "after_failure": "ask",
    "reads": ["/usr/share"],
    "writes": ["/usr/share"],
    "limits": {"processes": 7},
    "condition": {"task": "look", "is": ["completed"]},
    "requires_approval": True,
}
PROJECT: dict[str, Value] = {
    "name": "Other",
    "description": "- Other",
    "strategy": "careful",
    "auto_approve_plan": True,
    "auto_approve_phases": other_gates,
    "decision_mode": "human",
    "path": path_in,
    "agent_id": "nobody",
    "sme_archetype": "nobody",
    "max_tokens": 7,
    "max_cost_usd": 7,
    "parameters": {"version": "2"},
    "labels": ["other"],
    "template": "Other",
    "signing": {"approvals": 2},
}
ANSWER: dict[str, Value] = {"outputs": {"a": 1}, "comment": "Words."}
MAKE: dict[str, Value] = {"planner": "patient", "instructions": "Words.", "parameters": {"version": "2"}}
PASSKEY = dict.fromkeys(("nonce", "credential_id", "client_data", "authenticator_data", "signature"), "AAAA")
# A valid value other than the default, for each field of each body.
FIELDS: dict[str, dict[str, Value]] = {
    "createProject": PROJECT,
    "updateProject": PROJECT,
    "createTask": TASK,
    # The task that is changed is `look` itself.
    "updateTask": {**TASK, "condition": {"task": "nobody", "is": ["completed"]}},
    "createPhase": {
        "name": "Other",
        "key": "other_key",
        "description": "Words.",
        "strategy": "sequential",
        "position": at_the_beginning,
        "requires_approval": True,
        "condition": {"task": "look", "is": ["completed"]},
        "runs_on": "always",
    },
    "approveProject": {
        "plan_version": 99,
        "plan_digest": "0" * 64,
        "phase_id": NO_SUCH,
        "frozen_digest": "0" * 64,
        "comment": "Words.",
        "passkey": PASSKEY,
    },
    "requestChanges": {"plan_version": 99, "plan_digest": "0" * 64, "comment": "Other words."},
    "rejectPlan": {"plan_version": 99, "plan_digest": "0" * 64, "comment": "Other words."},
    "commentOnPlan": {"text": "Other words.", "task": "look", "version": 99},
    "beginPasskeyApproval": {
        "plan_version": 99,
        "plan_digest": "1" * 64,
        "frozen_digest": "2" * 64,
        "phase_id": NO_SUCH,
        "task_id": NO_SUCH,
        "answer": "skip",
        "outputs": {"a": 1},
        "decision_id": NO_SUCH,
        "tasks": [NO_SUCH],
    },
    "undoApproval": {"gate_id": "gate_01k00000000000000000000000", "comment": "Words."},
    "discardEdit": {"plan_version": 99, "plan_digest": "0" * 64, "comment": "Words."},
    "cancelProject": {"reason": "Words."},
    "pauseProject": {"comment": "Words."},
    "resumeProject": {"comment": "Words."},
    "retryProject": {"comment": "Words.", "tasks": [NO_SUCH], "passkey": PASSKEY},
    "generatePlan": MAKE,
    "regeneratePlan": MAKE,
    "refinePlan": {
        "message": "Words.",
        "edits": [{"op": "add_task", "title": "Other"}],
        "answers": [{"question": "When?", "answer": "Now."}],
    },
    "completeTask": {**ANSWER, "read": {"nothing.py": "0" * 64}, "missing_files": ["nothing.md"], "passkey": PASSKEY},
    "skipTask": {**ANSWER, "passkey": PASSKEY},
    "failTask": {"comment": "Words."},
    "retryTask": {"comment": "Words.", "passkey": PASSKEY},
    "answerDecision": {"comment": "Words.", "answer": "no", "passkey": PASSKEY},
    "duplicateProject": {"name": "Other", "include_files": True},
    "previewOutline": {
        "description": "- Other",
        "agent_id": "nobody",
        "parameters": {"version": "2"},
        "labels": ["other"],
    },
    "deleteProjects": {"ids": [NO_SUCH]},
    "archiveProjects": {"ids": [NO_SUCH], "archived": False},
}
# Fields that have their own tests, because they have no project or no JSON body.
ELSEWHERE = {
    "signIn": {"key", "name", "password"},
    "uploadFile": {"file", "path", "overwrite"},
    "addPerson": {"name", "email", "roles", "password"},
    "changePerson": {"name", "email", "roles", "password", "disabled"},
    "changePassword": {"password", "new_password"},
    "addKey": {"name", "roles", "days"},
    "beginPasskey": {"password"},
    "addPasskey": {"name", "nonce", "credential_id", "client_data", "attestation"},
    "changeKey": {"name", "roles", "days"},
    "rotateKey": {"days"},
    "saveFilter": {"name", "conditions"},
    "changeFilter": {"name", "conditions"},
    "addSigningLink": {"person", "name", "email", "hours"},
    "askForSignature": {"person", "name", "email"},
    "signByLink": {"plan_digest", "frozen_digest", "comment"},
    "undoApprovalByLink": {"comment"},
}
# The required fields of a call.
NEEDED: dict[str, Json] = {
    "createTask": {"title": "Another"},
    "createPhase": {"name": "Another"},
    "answerDecision": {"answer": "yes"},
    "requestChanges": {"comment": "Words."},
    "rejectPlan": {"comment": "Words."},
    "commentOnPlan": {"text": "Words."},
    "refinePlan": {"edits": [{"op": "add_phase", "name": "Another"}]},
    "previewOutline": {"description": "- A"},
    "deleteProjects": {"ids": ["nothing"]},
    "archiveProjects": {"ids": ["nothing"]},
}
# Calls without a project, or whose effect the project does not show.
STATELESS = {"createProject", "previewOutline", "deleteProjects", "archiveProjects"}
EDITS = {"createTask", "updateTask", "createPhase"}
# One situation of each kind: what can be sent and what is checked is the same in similar ones.
SITUATIONS = (
    "pending, no plan",
    "pending, planning again",
    "pending, plan ready, no workflow",
    "running",
    "running, at a gate",
    "running, asking",
    "failed",
)
# Edits of a plan differ only by whether there is a run.
OF_EDITS = {"pending, plan ready, no workflow", "running"}
# Runs that wait differ from other runs only in what answers them.
ONLY = {"running, at a gate": {"approveProject"}, "running, asking": {"answerDecision"}}
QUERIES: dict[str, dict[str, str | Callable[[Json], str]]] = {
    "listProjects": {
        "status": "failed",
        "search": "nothing like this",
        "label": "other",
        "ref": "nothing like this",
        "archived": "true",
        "created_after": "2999-01-01",
        "created_before": "2000-01-01",
        "updated_after": "2999-01-01",
        "updated_before": "2000-01-01",
        "sort_by": "oldest",
        "limit": "1",
        "offset": "1",
    },
    "listTasks": {"status": "failed", "phase_id": lambda p: p["phases"][1]["id"], "limit": "1", "offset": "1"},
    "listDecisions": {"status": "open"},
    "getPlan": {"version": "1"},
    "diffPlans": {"from": "2", "to": "1"},
    "getGraph": {"format": "dot", "expand": "true", "phase": lambda p: p["phases"][1]["id"]},
    "streamEvents": {"after": "2", "types": "task.*"},
    "getTaskLog": {"attempt": "7"},
    "getFile": {"path": "b.txt"},
    "getCertificate": {"format": "html", "version": "1"},
}
# Parameters that turn an answer into a stream, or filter one, are tested with the streams.
STREAMING = {("streamEvents", "follow"), ("getTaskLog", "follow"), ("streamLiveEvents", "types")}
# Of no single project: `test_inbox` and `test_notifications` test their pages.
OF_ALL = {
    ("getInbox", "limit"),
    ("getInbox", "offset"),
    # `test_overview` tests how many weeks it covers.
    ("getOverview", "weeks"),
    ("listNotifications", "status"),
    ("listNotifications", "limit"),
    ("listNotifications", "offset"),
    # Which cursor is taken where: `test_cursors`.
    ("listNotifications", "cursor"),
    ("listProjects", "cursor"),
    ("listTasks", "cursor"),
}
