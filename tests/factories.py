"""What tests build by hand again and again: rows of projects, and plans."""

from __future__ import annotations

from typing import Any

from app.domain.identity import new_id
from app.domain.plan import PlanDraft

SHELL = {"type": "shell", "command": "true"}


def project_row(**fields: Any) -> dict[str, Any]:
    """The values with which `projects.create` makes a project."""
    project_id = fields.get("id", new_id("proj"))
    return {
        "id": project_id,
        "name": "Project",
        "description": "",
        "strategy": "performance",
        "auto_approve_plan": False,
        "auto_approve_phases": True,
        "decision_mode": "agent",
        "path": None,
        "agent_id": None,
        "sme_archetype": None,
        "workspace": f"/nowhere/{project_id}",
        **fields,
    }


def task(key: str = "it", *, action: dict[str, Any] = SHELL, **fields: Any) -> dict[str, Any]:
    """A task of a draft."""
    return {"key": key, "title": key.capitalize(), "action": action, **fields}


def plan_of(*tasks: dict[str, Any], **fields: Any) -> PlanDraft:
    """A plan with one phase, `p`."""
    return PlanDraft.model_validate({"phases": [{"key": "p", "name": "P", "tasks": list(tasks)}], **fields})
