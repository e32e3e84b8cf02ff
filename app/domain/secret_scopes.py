"""Decides which projects and agents may use a secret, from the entries `[secrets.NAME]` of `signoff.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain import references
from app.domain.errors import Invalid
from app.domain.plan import DEFAULT_AGENT, PlanDraft, TaskDraft
from signoff.schemas.problems import Problem

Names = tuple[str, ...]


class SecretEntry(BaseModel):
    """One `[secrets.NAME]` entry. If it sets both projects and agents, both must match."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    projects: Names | None = Field(
        default=None,
        max_length=1000,
        description="Ids of the projects that may use it. Names are not accepted, because anybody can choose a project's name.",
    )
    agents: Names | None = Field(
        default=None, max_length=200, description="Agents whose tasks may use it, by their name in [agents.NAME]."
    )

    @model_validator(mode="after")
    def _binds(self) -> SecretEntry:
        if self.projects is None and self.agents is None:
            raise ValueError("set projects, agents or both")
        return self


@dataclass(frozen=True)
class SecretScopes:
    """The entries, and whether a secret without an entry is refused to all projects instead of allowed for all."""

    entries: Mapping[str, SecretEntry] = field(default_factory=dict[str, SecretEntry])
    scoped: bool = False

    def refusal(self, name: str, project_id: str, agent: str) -> str | None:
        """Why a task of this project and agent may not use a secret. None if it may."""
        entry = self.entries.get(name)
        if entry is None:
            if not self.scoped:
                return None
            return (
                f"the secret {name} has no entry; add [secrets.{name}] to signoff.toml, or unset SIGNOFF_SECRETS_SCOPED"
            )
        if entry.projects is not None and project_id not in entry.projects:
            return f'this project may not use the secret {name}; add "{project_id}" to projects in [secrets.{name}]'
        if entry.agents is not None and agent not in entry.agents:
            return f"the agent '{agent}' may not use the secret {name}; allowed agents: {', '.join(entry.agents) or 'none'}"
        return None

    def warnings(self, draft: PlanDraft) -> list[str]:
        """Notes for the signer: each secret that the plan uses, the tasks that use it, and who else may use it."""
        users: dict[str, list[str]] = {}
        for task in draft.tasks():
            for name in _secrets_of(task):
                users.setdefault(name, []).append(task.key)
        warnings: list[str] = []
        for name, keys in sorted(users.items()):
            entry = self.entries.get(name)
            permitted = "any project may use it" if entry is None else _bound_to(entry)
            listed = ", ".join(f"'{key}'" for key in keys[:10]) + (
                f" and {len(keys) - 10} more" if len(keys) > 10 else ""
            )
            warnings.append(f"The secret {name} is used by {listed}; {permitted}.")
        return warnings


def check_secrets(draft: PlanDraft, scopes: SecretScopes, project_id: str, agent_id: str | None) -> None:
    """Accept a plan, or report each task that uses a secret without permission.

    Raises:
        Invalid: `plan_invalid`.
    """
    problems = list(_problems(draft, scopes, project_id, agent_id))
    if problems:
        raise Invalid(problems[0].message, code="plan_invalid", details=problems)


def _problems(draft: PlanDraft, scopes: SecretScopes, project_id: str, agent_id: str | None) -> Iterator[Problem]:
    for number, phase in enumerate(draft.phases):
        for index, task in enumerate(phase.tasks):
            for name in _secrets_of(task):
                refusal = scopes.refusal(name, project_id, task.agent_id or agent_id or DEFAULT_AGENT)
                if refusal is not None:
                    where = f"phases[{number}].tasks[{index}].inputs"
                    yield Problem(field=where, message=f"Task '{task.key}': {refusal}.")


def _bound_to(entry: SecretEntry) -> str:
    parts = ["this project"] if entry.projects is not None else []
    parts += [f"the agents {', '.join(entry.agents)}"] if entry.agents is not None else []
    return f"it is restricted to {' and '.join(parts)}"


def _secrets_of(task: TaskDraft) -> list[str]:
    expressions = references.expressions([task.inputs, task.action.fields()])
    return list(dict.fromkeys(name.removeprefix("secrets.") for name in expressions if name.startswith("secrets.")))
