"""The fields of a project, a phase or a task that you can set.

A field that you omit gets its default when you create the object, and keeps its value when you change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from signoff.schemas.tasks import Condition

# The formats of the graph, besides JSON.
# What `wait` waits for: the end of the project, also any moment at which a person is needed, or the approval of its plan.
Until = Literal["finished", "person", "approved"]
GraphForm = Literal["svg", "dot", "mermaid"]
CertificateForm = Literal["dsse", "html"]


class ProjectFields(TypedDict, total=False):
    """The fields of a project; each is optional."""

    name: str
    description: str
    strategy: str
    auto_approve_plan: bool
    auto_approve_phases: bool
    decision_mode: Literal["agent", "human"]
    path: str | None
    agent_id: str | None
    sme_archetype: str | None
    max_tokens: int | None
    max_cost_usd: float | None
    parameters: Mapping[str, str | float | bool]
    labels: Sequence[str]
    template: str | None
    signing: SigningFields | None


class SigningFields(TypedDict, total=False):
    """What a project demands of its signers in addition to the policies.

    `expires` is a time such as `3d`, and `undo` one such as `5s`.
    """

    approvals: int
    four_eyes: bool
    expires: str | None
    undo: str | None


class RoleFields(TypedDict, total=False):
    """A role; `labels` bind it to the projects that have one of them."""

    role: Required[Literal["viewer", "author", "approver", "operator", "admin"]]
    labels: Sequence[str]


class PersonFields(TypedDict, total=False):
    """The fields of a person."""

    name: str
    email: str | None
    roles: Sequence[RoleFields]
    password: str
    disabled: bool


class KeyFields(TypedDict, total=False):
    """The fields of a key that can change. `days` counts from now; None means that the key never expires."""

    name: str
    roles: Sequence[RoleFields]
    days: float | None


class SigningLinkFields(TypedDict, total=False):
    """For whom a link to sign is, and for how many hours."""

    person: str
    name: str
    email: str | None
    hours: float


class AskFields(TypedDict, total=False):
    """Whom the server asks by mail to sign."""

    person: str
    name: str
    email: str


class FilterFields(TypedDict, total=False):
    """The conditions of a saved filter, as `projects.list` takes them; None: not this one."""

    status: str | None
    search: str | None
    label: str | None
    archived: str | None
    created_after: str | None
    created_before: str | None
    updated_after: str | None
    updated_before: str | None


class PhaseFields(TypedDict, total=False):
    """The fields of a phase, besides its name."""

    key: str
    description: str
    strategy: Literal["sequential", "parallel", "dag"]
    position: int
    requires_approval: bool
    condition: Condition | None
    runs_on: Literal["success", "failure", "always"]


class TaskFields(TypedDict, total=False):
    """The fields of a task; `depends_on` takes ids or keys."""

    key: str
    title: str
    description: str
    phase_id: str
    agent_id: str | None
    action: Mapping[str, Any]
    depends_on: Sequence[str]
    inputs: Mapping[str, Any]
    expected_files: Sequence[str]
    retries: int
    timeout_seconds: float | None
    on_crash: Literal["rerun", "ask", "fail"]
    after_failure: Literal["ask", "fail"] | None
    condition: Condition | None
    requires_approval: bool
