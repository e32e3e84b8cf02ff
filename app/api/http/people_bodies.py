"""The request bodies for people and keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from app.api.http.bodies import MAX_PASSWORD_LENGTH, Comment, Digest, Flag, RequestBody, number
from app.domain.names import Email, MailAddress, PersonName
from app.domain.people import Grant
from app.domain.plan import PLAIN
from app.domain.signing_links import DEFAULT_HOURS, MAX_HOURS
from signoff.vocabulary import Role

MIN_PASSWORD_LENGTH = 12


def _long_enough(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value()) < MIN_PASSWORD_LENGTH:
        raise ValueError(f"must have at least {MIN_PASSWORD_LENGTH} characters")
    return password


def _global_admin(grants: list[Grant]) -> list[Grant]:
    if any(grant.role is Role.ADMIN and grant.labels for grant in grants):
        raise ValueError("the role admin is for all projects; remove its labels")
    return grants


Grants = Annotated[list[Grant], Field(min_length=1, max_length=20), AfterValidator(_global_admin)]
NewPassword = Annotated[SecretStr, Field(max_length=MAX_PASSWORD_LENGTH), AfterValidator(_long_enough)]
Days = Annotated[float, Field(gt=0, le=3660, allow_inf_nan=False), BeforeValidator(number)]


class AddPerson(RequestBody):
    """A new person. Without a password, they cannot sign in yet."""

    name: PersonName
    email: Email | None = None
    roles: Grants
    password: NewPassword | None = None


class ChangePerson(RequestBody):
    """The fields to change; omitted fields keep their values. A new password ends the person's sessions."""

    name: PersonName | None = None
    email: Email | None = None
    roles: Grants | None = None
    password: NewPassword | None = None
    disabled: Flag | None = None


class ChangePassword(RequestBody):
    """The sender's own password, and the one that replaces it."""

    password: Annotated[SecretStr, Field(max_length=MAX_PASSWORD_LENGTH)]
    new_password: NewPassword


class AddKey(RequestBody):
    """A new key of a program. `days` says when it expires: 90 days from now unless stated otherwise; null for never."""

    name: PersonName
    roles: Grants
    days: Days | None = 90


class ChangeKey(RequestBody):
    """The fields to change; omitted fields keep their values. `days` counts from now; null means that it never expires."""

    name: PersonName | None = None
    roles: Grants | None = None
    days: Days | None = None


class RotateKey(RequestBody):
    """How long the new text of the key is valid, in days; null for no limit."""

    days: Days | None = 90


class AddSigningLink(RequestBody):
    """A link for a person to sign what waits in the project now.

    `person` is the id, name or e-mail address of somebody who is listed. For somebody else, give `name` and perhaps `email`:
    they are then listed as a person without roles.
    """

    person: Annotated[str, StringConstraints(max_length=200), PLAIN] | None = None
    name: PersonName | None = None
    email: Email | None = None
    hours: Annotated[float, Field(gt=0, le=MAX_HOURS, allow_inf_nan=False), BeforeValidator(number)] = DEFAULT_HOURS


class AskForSignature(RequestBody):
    """Whom the server asks by mail to sign what waits in the project now.

    `person` is the id, name or e-mail address of somebody who is listed. For somebody else, give `name` and `email`.
    """

    person: Annotated[str, StringConstraints(max_length=200), PLAIN] | None = None
    name: PersonName | None = None
    email: MailAddress | None = None


class SignByLink(RequestBody):
    """The approval of what was read: the `digest` of the plan, and the `frozen.digest` if there is one."""

    plan_digest: Digest
    frozen_digest: Digest | None = None
    comment: Comment = ""
