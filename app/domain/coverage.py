"""The columns that an audit checks, with what it checks them against, and the columns that it does not check, with reasons.

Every column of every table is on one of the two lists. One test fails for a column that is on neither list. Another test
alters each checked column and expects a finding.
"""

from __future__ import annotations

_SIGNED = "the signed plan"
_EVENTS = "the events"
_DECISION = "the hash in its event"
_KEY = "rows are found by it: a changed key shows as one missing and one forged row"
_STORED = "the app's signature over the command"
_CHAIN = "the chain of hashes"

CHECKED: dict[str, dict[str, str]] = {
    "projects": {
        "status": _EVENTS, "plan_version": _EVENTS, "run_id": _EVENTS, "created_by": _EVENTS, "created_at": _EVENTS,
        "outcome": _EVENTS,
        "strategy": _SIGNED, "decision_mode": _SIGNED, "auto_approve_phases": _SIGNED, "path": _SIGNED,
        "agent_id": _SIGNED, "last_seq": _CHAIN, "last_hash": _CHAIN,
    },
    "plans": {
        "version": _KEY, "status": _EVENTS, "digest": _EVENTS, "planner": _EVENTS, "draft": "the digest",
        "settings": "the digest", "ids": "the ids of phases and tasks", "created_at": _EVENTS, "created_by": _EVENTS,
        "approved_at": _EVENTS, "approved_by": _EVENTS, "frozen": "the digest in the decision",
        "signed_texts": "the checksums in `frozen`",
    },
    "phases": {
        "id": _KEY, "key": _SIGNED, "name": _SIGNED, "description": _SIGNED, "position": _SIGNED, "strategy": _SIGNED,
        "requires_approval": _SIGNED, "condition": _SIGNED, "runs_on": _SIGNED,
        "approved_at": _EVENTS, "approved_by": _EVENTS, "status": _EVENTS,
    },
    "tasks": {
        "id": _KEY, "phase_id": _SIGNED, "key": _SIGNED, "title": _SIGNED, "description": _SIGNED, "position": _SIGNED,
        "agent_id": _SIGNED, "action": _SIGNED, "depends_on": _SIGNED, "inputs": _SIGNED, "expected_files": _SIGNED,
        "retries": _SIGNED, "timeout_seconds": _SIGNED, "on_crash": _SIGNED, "after_failure": _SIGNED,
        "reads": _SIGNED, "writes": _SIGNED, "limits": _SIGNED, "condition": _SIGNED, "requires_approval": _SIGNED,
        "status": _EVENTS, "reason": _EVENTS, "outputs": _EVENTS, "error": _EVENTS, "exit_code": _EVENTS,
        "log_bytes": _EVENTS, "completed_at": _EVENTS, "attempt": _EVENTS,
    },
    "runs": {
        "id": _KEY, "number": _EVENTS, "plan_version": _EVENTS, "plan_digest": _EVENTS, "status": _EVENTS,
        "started_at": _EVENTS, "completed_at": _EVENTS,
    },
    "attempts": {
        "task_id": _KEY, "number": _KEY, "run_id": _EVENTS, "try_number": _EVENTS, "started_at": _EVENTS,
        "left_behind": _EVENTS,
    },
    "decisions": {
        "id": _DECISION, "request_id": _DECISION, "kind": _DECISION, "actor": _DECISION, "at": _DECISION,
        "comment": _DECISION, "plan_version": _DECISION, "plan_digest": _DECISION, "outcome": _DECISION,
        "error": _DECISION, "payload": _DECISION,
    },
    "questions": {
        "id": _KEY, "task_id": _EVENTS, "kind": _EVENTS, "question": _EVENTS, "options": _EVENTS,
        "default_answer": _EVENTS, "details": _EVENTS, "expires_at": _EVENTS, "status": "the decision", "answer": "the decision",
        "closed_by": "the decision", "decision_id": "the decision",
    },
    "commands": {
        "id": _STORED, "request_id": _STORED, "kind": _STORED, "actor": _STORED, "comment": _STORED, "payload": _STORED,
        "plan_version": _STORED, "plan_digest": _STORED, "run_id": _STORED, "at": _STORED, "seal": _STORED,
    },
    "seals": {"number": "the seal before", "body": "the signature"},
    "events": {
        "seq": _CHAIN, "type": _CHAIN, "at": _CHAIN, "actor": _CHAIN, "data": _CHAIN, "hash": _CHAIN,
    },
}  # fmt: skip

_HANDLING = "controls how work is handed out; it does not record what happened"
_SHOWN = "for display only; the events hold the same fact"
_OTHER_ROWS = "used to look up the rows of one project"
_WORDS = "text of the caller, which may change at any time"
_ASKED = "for a planner; the resulting plan is signed"
_BUDGET = "a limit, which may change at any time"

UNCHECKED: dict[str, dict[str, str]] = {
    "projects": {
        "id": _OTHER_ROWS, "name": _WORDS, "description": _WORDS, "sme_archetype": _WORDS, "max_tokens": _BUDGET,
        "max_cost_usd": _BUDGET, "parameters": _ASKED,
        "auto_approve_plan": "may change at any time; the approvals that it makes are checked",
        "stage": _SHOWN, "former_stage": _HANDLING, "gate": _SHOWN, "failure": _SHOWN, "engaged": _HANDLING,
        "paused": _SHOWN, "revision": _HANDLING, "updated_at": _SHOWN,
        "workspace": "location of the files; the checksums cover the logs",
    },
    "plans": {
        "project_id": _OTHER_ROWS, "parameters": _ASKED, "instructions": _ASKED, "based_on": _HANDLING, "failure": _SHOWN,
    },
    "phases": {"project_id": _OTHER_ROWS, "started_at": _SHOWN, "completed_at": _SHOWN},
    "tasks": {
        "project_id": _OTHER_ROWS, "started_at": _SHOWN, "due_at": _HANDLING, "recorded_try": _HANDLING,
        "token": _HANDLING, "quarantine": _HANDLING,
    },
    "runs": {"project_id": _OTHER_ROWS, "temporal_run_id": "a link to another system"},
    "attempts": {
        "project_id": _OTHER_ROWS, "token": _HANDLING, "status": _SHOWN, "ended_at": _SHOWN, "error": _SHOWN,
        "stopping_at": _HANDLING, "worker": _HANDLING, "with_worker": _HANDLING, "witnessed": _HANDLING,
    },
    "decisions": {"position": _HANDLING, "project_id": _OTHER_ROWS},
    "questions": {
        "position": _HANDLING, "project_id": _OTHER_ROWS, "run_id": _HANDLING, "reference": _HANDLING,
        "opened_at": _SHOWN, "closed_at": _SHOWN,
    },
    "commands": {"project_id": _OTHER_ROWS},
    "seals": {"position": _HANDLING, "project_id": _OTHER_ROWS, "seq": "the number in the body is signed"},
    "events": {
        "position": _HANDLING, "project_id": _OTHER_ROWS,
        "seal": "the app checks it once, when it seals the event; the seal holds the result",
    },
}  # fmt: skip

UNCHECKED_TABLES: dict[str, str] = {
    "sessions": "who is signed in; it holds nothing about a project",
    "idempotency": "stored answers to repeated requests, deleted after a day",
    "files": "a cache of checksums",
    "model_steps": "calls to models; their totals are displayed, and nothing is approved based on them",
    "tombstones": "traces of deleted projects; the project itself is gone",
}
