"""Which projects and agents may use a secret: the entries `[secrets.NAME]` of `signoff.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain import references
from app.domain.errors import Invalid, Problem
from app.domain.plan import DEFAULT_AGENT, PlanDraft, TaskDraft

Names = tuple[str, ...]


class SecretEntry(BaseModel):
    """One `[secrets.NAME]`. Where both are given, both must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    projects: Names | None = Field(
        default=None,
        max_length=1000,
        description="Ids of the projects that may use it. A name is no identity: whoever makes a project chooses it.",
    )
    agents: Names | None = Field(
        default=None, max_length=200, description="Agents whose tasks may use it, as in [agents.NAME]."
    )

    @model_validator(mode="after")
    def _binds(self) -> SecretEntry:
        if self.projects is None and self.agents is None:
            raise ValueError("give projects, agents or both")
        return self


@dataclass(frozen=True)
class SecretScopes:
    """The entries, and whether a secret without one may be used by nobody instead of by every project."""

    entries: Mapping[str, SecretEntry] = field(default_factory=dict[str, SecretEntry])
    scoped: bool = False

    def refusal(self, name: str, project_id: str, agent: str) -> str | None:
        """Why a task of this project and agent may not use a secret; None where it may."""
        entry = self.entries.get(name)
        if entry is None:
            if not self.scoped:
                return None
            return (
                f"the secret {name} has no entry; add [secrets.{name}] to signoff.toml, or unset SIGNOFF_SECRETS_SCOPED"
            )
        if entry.projects is not None and project_id not in entry.projects:
            return f'the secret {name} is not for this project; add "{project_id}" to projects of [secrets.{name}]'
        if entry.agents is not None and agent not in entry.agents:
            return f"the secret {name} is not for the agent '{agent}'; it is for {', '.join(entry.agents) or 'none'}"
        return None

    def warnings(self, draft: PlanDraft) -> list[str]:
        """For the people who sign: each secret that the plan uses, the tasks that use it, and who else may."""
        users: dict[str, list[str]] = {}
        for task in draft.tasks():
            for name in _secrets_of(task):
                users.setdefault(name, []).append(task.key)
        found: list[str] = []
        for name, keys in sorted(users.items()):
            entry = self.entries.get(name)
            whom = "every project may use it" if entry is None else _bound_to(entry)
            shown = ", ".join(f"'{key}'" for key in keys[:10]) + (
                f" and {len(keys) - 10} more" if len(keys) > 10 else ""
            )
            found.append(f"The secret {name} is used by {shown}; {whom}.")
        return found


def check_secrets(draft: PlanDraft, scopes: SecretScopes, project_id: str, agent_id: str | None) -> None:
    """Accept a plan, or name each task that uses a secret it may not use.

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
    return f"it is bound to {' and '.join(parts)}"


def _secrets_of(task: TaskDraft) -> list[str]:
    found = references.expressions([task.inputs, task.action.fields()])
    return list(dict.fromkeys(name.removeprefix("secrets.") for name in found if name.startswith("secrets.")))
