"""Every value that could change what a task runs, and how a signature covers it. A test fails for a value that is not here.

`DIGEST`: part of the plan's digest. `FROZEN`: captured when the plan is approved, sealed with the decision, and used, or
compared when a task starts. Anything else is the reason why it does not change what runs.
"""

from __future__ import annotations

DIGEST = "in the digest"
FROZEN = "frozen at approval"

_SHOWN = "only shown"
_SERVER = "how Signoff itself runs and is reached"
_PLANNING = "has a part in making the plan, which is then signed"
_BUDGET = "stops a task, and does not change what it does"
_RECORD = "how work is recorded and handed out"
_KEY = "a secret; the names of the secrets that a task uses are in the digest, their values are in nothing"

TASK: dict[str, str] = {
    "key": DIGEST, "title": DIGEST, "description": DIGEST, "agent_id": DIGEST, "action": DIGEST, "depends_on": DIGEST,
    "inputs": DIGEST, "expected_files": DIGEST, "retries": DIGEST, "timeout_seconds": DIGEST, "on_crash": DIGEST,
    "after_failure": DIGEST, "reads": DIGEST, "writes": DIGEST, "limits": DIGEST,
}  # fmt: skip
PHASE: dict[str, str] = {
    "key": DIGEST, "name": DIGEST, "description": DIGEST, "strategy": DIGEST, "requires_approval": DIGEST, "tasks": DIGEST,
}  # fmt: skip
PLAN: dict[str, str] = {"summary": _SHOWN, "warnings": _SHOWN, "phases": DIGEST}
RUN_SETTINGS: dict[str, str] = {
    "strategy": DIGEST, "decision_mode": DIGEST, "auto_approve_phases": DIGEST, "path": DIGEST, "agent_id": DIGEST,
    "project_name": DIGEST, "project_description": DIGEST,
}  # fmt: skip
PROJECT: dict[str, str] = {
    "id": "never changes", "name": f"{DIGEST}, where a task reads it", "description": f"{DIGEST}, where a task reads it",
    "strategy": DIGEST, "auto_approve_plan": "says who approves, not what", "auto_approve_phases": DIGEST,
    "decision_mode": DIGEST, "path": DIGEST, "agent_id": DIGEST, "sme_archetype": _PLANNING, "max_tokens": _BUDGET,
    "max_cost_usd": _BUDGET, "workspace": "follows from `path`, else from the id",
    **dict.fromkeys((
        "status", "stage", "former_stage", "plan_version", "run_id", "gate", "failure", "engaged", "paused", "revision",
        "created_at", "created_by", "updated_at", "last_seq", "last_hash",
    ), _RECORD),
}  # fmt: skip
AGENT: dict[str, str] = {
    "kind": FROZEN, "model": FROZEN, "base_url": FROZEN, "api_key_env": FROZEN, "instructions": FROZEN, "tools": FROZEN,
    "commands": FROZEN, "hosts": FROZEN, "queue": FROZEN,
}  # fmt: skip
SETTINGS: dict[str, str] = {
    "http_allow": FROZEN, "agents": FROZEN, "task_queue": FROZEN, "host": f"{FROZEN}, where a task reads signoff.url",
    "port": f"{FROZEN}, where a task reads signoff.url", "model": f"{FROZEN}, as the agent's model",
    "small_model": f"{FROZEN}, as the agent's model", "model_base_url": f"{FROZEN}, as the agent's model",
    "task_path": f"{FROZEN}, by where it leads for each program",
    "sandbox": FROZEN, "sandbox_read": FROZEN, "sandbox_network": FROZEN,
    "task_memory": FROZEN, "task_processes": FROZEN, "task_file_size": FROZEN, "task_open_files": FROZEN,
    "task_cpu_seconds": FROZEN, "kill_grace": _BUDGET, "model_timeout": _BUDGET, "model_max_output": _BUDGET,
    "max_tokens": _BUDGET, "max_cost_usd": _BUDGET, "prices": _BUDGET, "max_concurrent_tasks": _RECORD,
    "planner_actions": _PLANNING, "planner_hosts": _PLANNING, "archetypes": _PLANNING,
    "model_api_key": _KEY, "api_key": _KEY, "secrets": _KEY, "secrets_scoped": _KEY,
    **dict.fromkeys((
        "data_dir", "database_url", "temporal_address", "temporal_port", "temporal_ui_port", "temporal_ui_upstream",
        "temporal_ui_url", "temporal_namespace", "temporal_sync", "signals_by_hand", "retention_days", "workspace_roots",
        "url", "public_url", "allowed_hosts", "max_connections", "shutdown_grace", "max_upload", "log_level", "seal_key",
        "heads_file",
    ), _SERVER),
}  # fmt: skip
# What a worker hands to a task.
SURROUNDINGS: dict[str, str] = {
    "kill_grace": _BUDGET, "http_allow": FROZEN, "app_url": FROZEN, "secrets": _KEY, "masked": _KEY,
    "settings": "see the settings", "sandbox": FROZEN, "worker": _RECORD,
}  # fmt: skip
CONTEXT: dict[str, str] = {
    "project_id": "never changes", "project_name": DIGEST, "task_id": "never changes", "key": DIGEST,
    "attempt": "counts attempts", "workspace": DIGEST, "fields": DIGEST, "inputs": DIGEST, "log": _RECORD,
    "timeout_seconds": DIGEST, "kill_grace": _BUDGET, "task_path": FROZEN, "http_allow": FROZEN, "app_url": FROZEN,
    "sandbox": FROZEN, "limits": f"{DIGEST}, else {FROZEN}", "desk": "the agent's entry, which is frozen",
}  # fmt: skip
# What an action is made of: what a plan says of its fields is in the digest, whatever they are.
ACTION: dict[str, str] = {
    "type": DIGEST, "fields_model": f"{FROZEN}: the package, a plug-in's version, and the defaults of fields",
    **dict.fromkeys((
        "mode", "resolves_fields", "takes_secrets", "exit_code_of_success", "reads_project_name", "sends_requests", "one_of",
        "rare",
    ), "follows from the package and its version"),
}  # fmt: skip
# What is in no model.
OTHERS: dict[str, str] = {
    "files that the plan's commands name": FROZEN,
    "programs that they name": FROZEN,
    "LIMITS of a strategy": FROZEN,
    "default_retries of an action": FROZEN,
    "files that those files include or import": "not covered: they are named nowhere",
}
