"""Policies: who must sign which documents."""

from __future__ import annotations

from pydantic import BaseModel, Field


class MatchingPolicy(BaseModel):
    """A policy that a document matches, and in a sentence what it demands."""

    name: str
    demands: str


class PolicyInfo(MatchingPolicy):
    """A policy of the server: what it is about, and what it demands.

    `unknown` has the people and keys that it names and that do not exist; nobody can approve in their place.
    """

    about: str
    unknown: list[str] = Field(default_factory=list[str])


class PolicyList(BaseModel):
    """All policies, in the order of the file."""

    policies: list[PolicyInfo]
    total: int
