"""A version of a plan as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from app.domain.frozen import StoredFrozen
from app.domain.parameters import Value
from app.domain.plan import StoredSettings
from app.storage.plan_rows import Ids
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import PlanStatus


class PlanFacts(TypedDict, total=False):
    """What language models used to make a plan."""

    models: list[str]
    calls: int
    tokens: dict[str, int]
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan version. `app.storage.tables` explains the columns."""

    project_id: str
    version: int
    status: PlanStatus
    digest: str | None
    planner: str
    instructions: str | None
    parameters: dict[str, Value]
    based_on: int | None
    draft: JsonObject | None
    settings: StoredSettings | None
    ids: Ids | None
    frozen: StoredFrozen | None
    signed_texts: dict[str, str] | None
    failure: JsonObject | None
    created_at: str
    created_by: str
    created_by_id: str | None
    approved_at: str | None
    approved_by: str | None
    approved_by_id: str | None


class Given(TypedDict, total=False):
    """The values that planning gave to parameters, if it gave any."""

    parameters: dict[str, Value]


class Kept(TypedDict, total=False):
    """The ids of the tasks and phases that a version keeps, if it keeps any."""

    kept: list[str]
    kept_phases: list[str]


class Changes(TypedDict, total=False):
    """The columns that are set after a version was inserted."""

    status: PlanStatus
    digest: str
    draft: JsonObject
    settings: StoredSettings
    ids: Ids
    failure: JsonObject
    approved_at: str
    approved_by: str
    approved_by_id: str | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a version has once it is filled in. `draft` and `settings` are what the digest covers, word for word."""

    digest: str
    draft: JsonObject
    settings: StoredSettings
    ids: Ids
