"""Who may do what: scopes, the roles that give them, and the projects to which a role is bound."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.domain.sender import Sender
from signoff.vocabulary import Role, Scope

# What a person needs who lacks a scope.
ROLE_FOR: dict[Scope, Role] = {
    Scope.READ: Role.VIEWER,
    Scope.AUTHOR: Role.AUTHOR,
    Scope.APPROVE: Role.APPROVER,
    Scope.OPERATE: Role.OPERATOR,
    Scope.ADMIN: Role.ADMIN,
}
# The one table of roles. An administrator may do everything.
SCOPES: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.AUTHOR: frozenset({Scope.READ, Scope.AUTHOR}),
    Role.APPROVER: frozenset({Scope.READ, Scope.APPROVE}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.OPERATE}),
    Role.ADMIN: frozenset(ROLE_FOR),
}
MAX_LABELS = 20
# Names that the record uses for something other than a person or a key.
_TAKEN = frozenset({"admin", "local", "signoff", "temporal", "worker", "model"})
_TAKEN_PREFIX = "model:"


def sorted_labels(labels: list[str]) -> list[str]:
    """Labels in the order in which they are stored, each once."""
    return sorted(set(labels))


Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
Labels = Annotated[list[Label], Field(max_length=MAX_LABELS), AfterValidator(sorted_labels)]


class Grant(BaseModel):
    """A role, for the projects that have one of the labels; for all projects if there are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)

    role: Role
    labels: Labels = []

    @classmethod
    def parse(cls, text: str) -> Grant:
        """Read a role as people write it: `approver`, or `approver@payments,reports`.

        Raises:
            ValueError: there is no such role, or a label is not valid.
        """
        role, at, labels = text.partition("@")
        if role not in set(Role):
            raise ValueError(f"there is no role '{role[:40]}'; use one of {', '.join(Role)}")
        if role == Role.ADMIN and at:
            raise ValueError("the role admin is for all projects; remove its labels")
        try:
            return cls(role=Role(role), labels=[label.strip() for label in labels.split(",")] if at else [])
        except ValidationError as error:
            raise ValueError(f"'{text[:100]}' has a label that is not valid") from error


@dataclass(frozen=True)
class Access:
    """What a sender may do.

    Attributes:
        grants: the roles.
    """

    grants: tuple[Grant, ...] = field(default=())

    def holds(self, scope: Scope) -> bool:
        """Whether a role gives the scope, for any project."""
        return any(scope in SCOPES[grant.role] for grant in self.grants)

    def labels_of(self, scope: Scope) -> frozenset[str] | None:
        """The labels of the projects for which a role gives the scope; None if it does for all projects."""
        found = [grant.labels for grant in self.grants if scope in SCOPES[grant.role]]
        if any(not labels for labels in found):
            return None
        return frozenset(label for labels in found for label in labels)

    def may(self, scope: Scope, labels: Collection[str]) -> bool:
        """Whether a role gives the scope for a project with these labels."""
        bound = self.labels_of(scope)
        return bound is None or not bound.isdisjoint(labels)

    def may_everywhere(self, scope: Scope) -> bool:
        """Whether a role gives the scope for all projects."""
        return self.labels_of(scope) is None

    def may_label(self, labels: Iterable[str]) -> bool:
        """Whether an author may put these labels on projects, or take them away.

        Somebody whose role is bound to a label must not move a project to where another role of theirs lets them approve it.
        """
        bound = self.labels_of(Scope.AUTHOR)
        return bound is None or bound.issuperset(labels)

    def roles_for(self, labels: Collection[str]) -> frozenset[Role]:
        """The roles for a project with these labels. An administrator has all of them."""
        held = {grant.role for grant in self.grants if not grant.labels or not set(grant.labels).isdisjoint(labels)}
        return frozenset(Role) if Role.ADMIN in held else frozenset(held)

    @property
    def scopes(self) -> list[Scope]:
        """All scopes, for any project."""
        return [scope for scope in ROLE_FOR if self.holds(scope)]


def grown(before: Collection[Grant], after: Iterable[Grant]) -> Grant | None:
    """Return a role that somebody would get in addition to those they have; None if there is none.

    A role for some projects can get other labels, but cannot become one for all projects.
    """
    held = {grant.role for grant in before}
    everywhere = {grant.role for grant in before if not grant.labels}
    if Role.ADMIN in held:
        return None
    return next((grant for grant in after if grant.role not in (held if grant.labels else everywhere)), None)


ALL = Access((Grant(role=Role.ADMIN),))


@dataclass(frozen=True, slots=True)
class Caller(Sender):
    """The sender of a request, and what they may do.

    Attributes:
        access: what they may do.
        link_id: the link to sign one thing through which they came, if any.
    """

    access: Access = Access()
    link_id: str | None = None

    @property
    def sender(self) -> Sender:
        """The part that the record keeps."""
        return Sender(self.actor, self.actor_id, self.via, self.address, self.session_id)


def name_key(name: str) -> str:
    """The form of a name in which two that look alike are equal."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", name).strip()).casefold()


def objection_to_name(name: str) -> str | None:
    """Why a person or a key cannot have a name; None if they can."""
    key = name_key(name)
    if not key:
        return "Give a name."
    if not name.isprintable():
        return "The name has a line break or a character that nobody can see. Remove it."
    if key in _TAKEN or key.startswith(_TAKEN_PREFIX):
        return f"The record uses the name '{name}' for something else. Choose another."
    return None
