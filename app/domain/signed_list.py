"""Every value that could change what a task runs, and how a signature covers it. A test fails if a value is not listed here.

`DIGEST`: part of the plan's digest. `FROZEN`: captured when the plan is approved and sealed with the decision. A task uses the
frozen value, or compares it when it starts. Any other text is the reason why the value does not change what runs.
"""

from __future__ import annotations

DIGEST = "in the digest"
FROZEN = "frozen at approval"

_SHOWN = "for display only"
_SERVER = "controls how Signoff itself runs and is reached"
_PLANNING = "used to make the plan, which is then signed"
_BUDGET = "can stop a task, but does not change what it does"
_RECORD = "controls how work is recorded and handed out"
_KEY = "a secret; the names of the secrets that a task uses are in the digest, their values are not"

TASK: dict[str, str] = {
    "key": DIGEST,
    "title": DIGEST,
    "description": DIGEST,
    "agent_id": DIGEST,
    "action": DIGEST,
    "depends_on": DIGEST,
    "inputs": DIGEST,
    "expected_files": DIGEST,
    "retries": DIGEST,
    "timeout_seconds": DIGEST,
    "on_crash": DIGEST,
    "after_failure": DIGEST,
    "reads": DIGEST,
    "writes": DIGEST,
    "limits": DIGEST,
    "condition": DIGEST,
    "requires_approval": DIGEST,
}
PHASE: dict[str, str] = {
    "key": DIGEST,
    "name": DIGEST,
    "description": DIGEST,
    "strategy": DIGEST,
    "requires_approval": DIGEST,
    "tasks": DIGEST,
    "condition": DIGEST,
    "runs_on": DIGEST,
}
PLAN: dict[str, str] = {
    "summary": _SHOWN,
    "warnings": _SHOWN,
    "assumptions": DIGEST,
    "questions": DIGEST,
    "parameters": DIGEST,
    "phases": DIGEST,
}
RUN_SETTINGS: dict[str, str] = {
    "strategy": DIGEST,
    "decision_mode": DIGEST,
    "auto_approve_phases": DIGEST,
    "path": DIGEST,
    "agent_id": DIGEST,
    "project_name": DIGEST,
    "project_description": DIGEST,
    "parameters": DIGEST,
}
PROJECT: dict[str, str] = {
    "id": "never changes",
    "name": f"{DIGEST}, if a task reads it",
    "description": f"{DIGEST}, if a task reads it",
    "strategy": DIGEST,
    "auto_approve_plan": "decides who approves, not what",
    "labels": "decide who may read and approve, not what runs",
    "signing": "decides who must approve, not what runs",
    "auto_approve_phases": DIGEST,
    "decision_mode": DIGEST,
    "path": DIGEST,
    "agent_id": DIGEST,
    "sme_archetype": _PLANNING,
    "max_tokens": _BUDGET,
    "max_cost_usd": _BUDGET,
    "parameters": _PLANNING,
    "workspace": "follows from `path`, or from the id",
    **dict.fromkeys(
        (
            "status",
            "stage",
            "former_stage",
            "plan_version",
            "run_id",
            "gate",
            "failure",
            "outcome",
            "engaged",
            "paused",
            "revision",
            "created_at",
            "created_by",
            "created_by_id",
            "updated_at",
            "last_seq",
            "last_hash",
            "name_key",
            "text_position",
            "archived_at",
        ),
        _RECORD,
    ),
}
AGENT: dict[str, str] = {
    "kind": FROZEN,
    "model": FROZEN,
    "base_url": FROZEN,
    "api_key_env": FROZEN,
    "instructions": FROZEN,
    "tools": FROZEN,
    "commands": FROZEN,
    "hosts": FROZEN,
    "queue": FROZEN,
}
SETTINGS: dict[str, str] = {
    "http_allow": FROZEN,
    "agents": FROZEN,
    "task_queue": FROZEN,
    "host": f"{FROZEN}, if a task reads signoff.url",
    "port": f"{FROZEN}, if a task reads signoff.url",
    "model": f"{FROZEN}, as the agent's model",
    "small_model": f"{FROZEN}, as the agent's model",
    "model_base_url": f"{FROZEN}, as the agent's model",
    "task_path": f"{FROZEN}, as the path of each program",
    "sandbox": FROZEN,
    "sandbox_read": FROZEN,
    "sandbox_network": FROZEN,
    "task_memory": FROZEN,
    "task_processes": FROZEN,
    "task_file_size": FROZEN,
    "task_open_files": FROZEN,
    "task_cpu_seconds": FROZEN,
    "kill_grace": _BUDGET,
    "model_timeout": _BUDGET,
    "model_max_output": _BUDGET,
    "max_tokens": _BUDGET,
    "max_cost_usd": _BUDGET,
    "prices": _BUDGET,
    "max_concurrent_tasks": _RECORD,
    "planner_actions": _PLANNING,
    "planner_hosts": _PLANNING,
    "planner_files": _PLANNING,
    "models": _PLANNING,
    "archetypes": _PLANNING,
    "model_api_key": _KEY,
    "api_key": _KEY,
    "secrets": _KEY,
    "secrets_scoped": _KEY,
    "oidc_client_secret": _KEY,
    "oidc": "decides who signs in, not what runs",
    "proxy": "decides who signs in, not what runs",
    "notify": "decides who is told, not what runs",
    "signoff": "decides who must approve, not what runs",
    **dict.fromkeys(
        (
            "data_dir",
            "database_url",
            "temporal_address",
            "temporal_port",
            "temporal_ui_port",
            "temporal_ui_upstream",
            "temporal_ui_url",
            "temporal_namespace",
            "temporal_sync",
            "signals_by_hand",
            "retention_days",
            "workspace_roots",
            "url",
            "public_url",
            "allowed_hosts",
            "cors_origins",
            "max_connections",
            "shutdown_grace",
            "max_upload",
            "log_level",
            "log_format",
            "traces",
            "metrics",
            "seal_key",
            "heads_file",
        ),
        _SERVER,
    ),
}
# What a worker passes to a task.
SURROUNDINGS: dict[str, str] = {
    "kill_grace": _BUDGET,
    "http_allow": FROZEN,
    "app_url": FROZEN,
    "secrets": _KEY,
    "masked": _KEY,
    "settings": "see the settings",
    "sandbox": FROZEN,
    "worker": _RECORD,
}
CONTEXT: dict[str, str] = {
    "project_id": "never changes",
    "project_name": DIGEST,
    "task_id": "never changes",
    "key": DIGEST,
    "attempt": "counts attempts",
    "workspace": DIGEST,
    "fields": DIGEST,
    "inputs": DIGEST,
    "parameters": DIGEST,
    "log": _RECORD,
    "timeout_seconds": DIGEST,
    "kill_grace": _BUDGET,
    "task_path": FROZEN,
    "http_allow": FROZEN,
    "app_url": FROZEN,
    "sandbox": FROZEN,
    "limits": f"{DIGEST}, or {FROZEN}",
    "expected_files": DIGEST,
    "agent_context": "the agent's entry, which is frozen",
}
# The parts of an action. The values of its fields in a plan are always in the digest.
ACTION: dict[str, str] = {
    "type": DIGEST,
    "fields_model": f"{FROZEN}: the package, a plug-in's version, and the defaults of fields",
    **dict.fromkeys(
        (
            "mode",
            "resolves_fields",
            "takes_secrets",
            "exit_code_of_success",
            "reads_project_name",
            "reads_project_description",
            "sends_requests",
            "calls_model",
            "one_of",
            "rare",
        ),
        "follows from the package and its version",
    ),
}
# Values that are not in any model.
OTHERS: dict[str, str] = {
    "files that the plan's commands name": FROZEN,
    "programs that they name": FROZEN,
    "LIMITS of a strategy": FROZEN,
    "default_retries of an action": FROZEN,
    "files that those files include or import": "not covered: the plan does not name them",
}
