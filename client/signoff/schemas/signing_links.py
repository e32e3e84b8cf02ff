"""Links that let one person sign one thing without signing in."""

from __future__ import annotations

from pydantic import BaseModel

from signoff.schemas.gates import Gate
from signoff.schemas.insight import Audit
from signoff.schemas.plans import Plan
from signoff.vocabulary import LinkStatus


class SigningLink(BaseModel):
    """A link for one person to sign one version of a plan, or the phase `phase_id` of a run.

    `delivered_to` is the address to which the server itself sends the link; then nobody else sees its text. `requested_by` is the
    author who asked for that. `created_by` is whoever vouches for the person: a person, or the settings of the server.
    """

    id: str
    person: str
    person_id: str
    plan_version: int
    phase_id: str | None
    status: LinkStatus
    created_at: str
    created_by: str
    expires_at: str
    used_at: str | None
    requested_by: str | None = None
    delivered_to: str | None = None


class NewSigningLink(SigningLink):
    """A link that was just made. `url` is shown only once. Whoever has it can sign as the person."""

    url: str


class SigningLinkList(BaseModel):
    """All links of a project, newest first."""

    links: list[SigningLink]


class SigningRequest(BaseModel):
    """What a person must read before they sign, and nothing else.

    `closed` says why they cannot sign, or can no longer. Everything about the plan is then null. `phase_name` is null if the link
    is for the plan itself. `undo_until` is the time until which they can withdraw the approval that they have given, if they
    can. `max_tokens` and `max_cost_usd` limit what models may use.
    """

    link: SigningLink
    closed: str | None
    project_name: str | None
    phase_name: str | None
    plan: Plan | None
    gate: Gate | None
    audit: Audit | None
    undo_until: str | None = None
    max_tokens: int | None = None
    max_cost_usd: float | None = None


class Signed(BaseModel):
    """An approval through a link. `opens` is false if it waits for more approvals, which `missing` names.

    It is also false with `undo_until`: the approval takes effect at that time, and can be withdrawn until then.
    """

    decision_id: str
    opens: bool
    missing: list[str]
    undo_until: str | None = None
