"""Who is told about what: the entries `[[notify]]` of `signoff.toml`, and which events they are for. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    model_validator,
)

from app.domain.agents import EntryName, Host
from app.domain.names import MailAddress, PersonName
from app.domain.people import Labels
from app.domain.signing_links import DEFAULT_HOURS, MAX_HOURS
from signoff.schemas.event_data import (
    DecisionRequested,
    EventData,
    PhaseAwaitingApproval,
    PlanChangesRequested,
    PlanReady,
    PlanRejected,
    ProjectCancelled,
    ProjectCompleted,
    ProjectFailed,
    TaskWaiting,
)
from signoff.vocabulary import InboxKind, NotifyEvent, Outcome

# Under this key, the connections of a database carry the entries.
NOTIFY = "notify"
# What can be signed by a link.
SIGNABLE = frozenset({InboxKind.PLAN, InboxKind.EDIT, InboxKind.PHASE})
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32,88}={0,2}")
_ENDED: dict[type[EventData], NotifyEvent] = {
    ProjectCompleted: NotifyEvent.COMPLETED,
    ProjectFailed: NotifyEvent.FAILED,
    ProjectCancelled: NotifyEvent.CANCELLED,
    PlanRejected: NotifyEvent.REJECTED,
}


def _span(text: object) -> object:
    """Minutes, hours or days, such as 30m, 4h and 1d."""
    if isinstance(text, str) and re.fullmatch(r"[1-9]\d{0,4}[mhd]", text):
        return timedelta(minutes=int(text[:-1]) * {"m": 1, "h": 60, "d": 24 * 60}[text[-1]])
    if isinstance(text, timedelta):
        return text
    raise ValueError("use a number of minutes, hours or days, such as 30m, 4h or 1d")


def _as_minutes(span: timedelta) -> str:
    return f"{int(span.total_seconds() // 60)}m"


Span = Annotated[timedelta, BeforeValidator(_span), PlainSerializer(_as_minutes)]


class LinkPerson(BaseModel):
    """Somebody to whom an entry sends links to sign."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PersonName = Field(description="The name that the record shows, unless somebody with this address is listed.")
    email: MailAddress = Field(description="Their own e-mail address, which nobody else reads.")


class NotifyEntry(BaseModel):
    """One `[[notify]]` entry: a channel, and what it is told about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: EntryName = Field(description="Name of the entry; each one once.")
    events: Annotated[tuple[NotifyEvent, ...], Field(max_length=len(NotifyEvent))] = Field(
        default=(NotifyEvent.WAITING, NotifyEvent.FAILED),
        description="Events: waiting, failed, completed, cancelled, rejected.",
    )
    kinds: tuple[InboxKind, ...] = Field(default=(), description="Only these kinds of `waiting`; default: all.")
    labels: Labels = Field(default=[], description="Only projects that have one of these labels; default: all.")
    url: SecretStr | None = Field(default=None, description="An Apprise URL, such as mailto:// or slack://.")
    url_env: str | None = Field(default=None, pattern=_VARIABLE, description="Variable with the Apprise URL.")
    url_file: str | None = Field(default=None, description="File with the Apprise URL.")
    webhook: str | None = Field(
        default=None, pattern=r"^https?://[^\s/@]+(/\S*)?$", description="http(s) address without a password."
    )
    secret: SecretStr | None = Field(default=None, description="Webhook secret: whsec_ and 24 to 64 bytes in base64.")
    secret_env: str | None = Field(default=None, pattern=_VARIABLE, description="Variable with the webhook secret.")
    secret_file: str | None = Field(default=None, description="File with the webhook secret.")

    remind: Span | None = Field(default=None, description="Tell it again after this time, and so on, such as 1d.")
    before: Span | None = Field(default=None, description="Tell it again this long before its deadline, such as 4h.")
    escalate: Span | None = Field(default=None, description="Tell escalate_to after this time, such as 4h.")
    escalate_to: EntryName | None = Field(default=None, description="Name of another entry.")

    sign_by_link: tuple[LinkPerson, ...] = Field(
        default=(), max_length=20, description="People to whom this entry sends links to sign: [{name, email}]."
    )
    link_hours: float = Field(
        default=DEFAULT_HOURS, gt=0, le=MAX_HOURS, allow_inf_nan=False, description="How long a link is good."
    )
    links_on_request: bool = Field(default=False, description="Mail the links to sign for which authors ask.")
    link_domains: tuple[Host, ...] = Field(
        default=(), description="Domains; authors may have links sent to anybody who has an address there."
    )

    @model_validator(mode="after")
    def _has_one_channel(self) -> NotifyEntry:
        urls = [self.url, self.url_env, self.url_file]
        secrets = [self.secret, self.secret_env, self.secret_file]
        if sum(each is not None for each in (*urls, self.webhook)) != 1:
            raise ValueError("set exactly one of url, url_env, url_file and webhook")
        if sum(each is not None for each in secrets) != (self.webhook is not None):
            raise ValueError(
                "a webhook needs exactly one of secret, secret_env and secret_file; other channels need none"
            )
        if self.secret is not None:
            check_secret(self.secret.get_secret_value())
        if (self.escalate is None) != (self.escalate_to is None):
            raise ValueError("set both escalate and escalate_to, or neither")
        if NotifyEvent.WAITING not in self.events and (self.remind or self.before or self.escalate):
            raise ValueError("remind, before and escalate are for the event waiting, which is not among events")
        if self.kinds and NotifyEvent.WAITING not in self.events:
            raise ValueError("kinds are for the event waiting, which is not among events")
        self._check_links()
        return self

    def _check_links(self) -> None:
        if not self.events and not self.links_on_request:
            raise ValueError("events are empty, so nobody would be told anything")
        if self.link_domains and not self.links_on_request:
            raise ValueError("link_domains are for links_on_request, which is not set")
        if (self.sign_by_link or self.links_on_request) and self.url is not None:
            check_mail(self.url.get_secret_value())
        if self.links_on_request and self.webhook is not None:
            raise ValueError("links_on_request needs an e-mail server: a url that begins with mailto:// or mailtos://")
        if not self.sign_by_link:
            return
        if self.webhook is not None and len(self.sign_by_link) > 1:
            raise ValueError("a webhook has one reader, so sign_by_link names one person; make an entry for each")
        addresses = [person.email.lower() for person in self.sign_by_link]
        if len(set(addresses)) < len(addresses):
            raise ValueError("sign_by_link has an address twice; give each person their own")
        if NotifyEvent.WAITING not in self.events or (self.kinds and SIGNABLE.isdisjoint(self.kinds)):
            raise ValueError("sign_by_link is for the event waiting, and for the kinds plan, edit and phase")

    def person(self, address: str | None) -> LinkPerson | None:
        """Return the person with this address to whom the entry sends links, or None."""
        wanted = (address or "").lower()
        return next((person for person in self.sign_by_link if person.email.lower() == wanted), None)

    def mails_to(self, address: str) -> bool:
        """Whether an author may have a link sent to anybody who has this address."""
        return self.links_on_request and address.rpartition("@")[2].lower() in self.link_domains

    @property
    def variables(self) -> set[str]:
        """The environment variables that the entry names."""
        return {name for name in (self.url_env, self.secret_env) if name is not None}


def check_mail(url: str) -> None:
    """Make sure that an Apprise URL sends mail, so that each person alone reads their link.

    Raises:
        ValueError: it does something else.
    """
    if not re.match(r"mailtos?://", url.strip(), re.IGNORECASE):
        raise ValueError(
            "a link to sign is sent only to its person: use a url that begins with mailto:// or mailtos://, or a webhook"
        )


def check_secret(text: str) -> None:
    """Make sure that a webhook secret has the form that the Standard Webhooks specification asks for.

    Raises:
        ValueError: it has not.
    """
    if not _SECRET.fullmatch(text):
        raise ValueError(
            "a webhook secret is whsec_ and 24 to 64 random bytes in base64: printf whsec_; openssl rand -base64 32"
        )


def _fit_together(entries: list[NotifyEntry]) -> list[NotifyEntry]:
    names = [entry.name for entry in entries]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two entries have the name '{twice}'; each needs its own")
    unknown = next((entry for entry in entries if entry.escalate_to not in {None, *names} - {entry.name}), None)
    if unknown is not None:
        raise ValueError(f"'{unknown.name}' escalates to '{unknown.escalate_to}'; name another entry")
    asked = [entry.name for entry in entries if entry.links_on_request]
    if len(asked) > 1:
        raise ValueError(f"'{asked[0]}' and '{asked[1]}' both have links_on_request; only one entry may")
    return entries


NotifyEntries = Annotated[list[NotifyEntry], AfterValidator(_fit_together)]


@dataclass(frozen=True)
class Occasion:
    """Something that people are told about: an event, and what waits because of it.

    `item_id` is the id of the phase, the task or the question, or the number of the plan version. Who is told about `also` is not
    told about this: both say the same.
    """

    event: NotifyEvent
    kind: InboxKind | None = None
    item_id: str | None = None
    also: NotifyEvent | None = None


@dataclass(frozen=True)
class NotifyRules:
    """All entries."""

    entries: Sequence[NotifyEntry] = field(default=())

    def named(self, name: str) -> NotifyEntry | None:
        """Return an entry by its name, or None."""
        return next((entry for entry in self.entries if entry.name == name), None)

    @property
    def on_request(self) -> NotifyEntry | None:
        """The entry that mails the links for which authors ask, or None."""
        return next((entry for entry in self.entries if entry.links_on_request), None)

    def recipients(self, name: str) -> list[str | None]:
        """Return whom an entry tells: each person to whom it sends links, by address; else all at once, which is None."""
        entry = self.named(name)
        return [person.email for person in entry.sign_by_link] if entry is not None and entry.sign_by_link else [None]

    def told(self, occasion: Occasion, labels: Collection[str]) -> list[str]:
        """Return the names of the entries that are told about an occasion in a project with these labels."""
        return [
            entry.name
            for entry in self.entries
            if occasion.event in entry.events
            and occasion.also not in entry.events
            and (occasion.kind is None or not entry.kinds or occasion.kind in entry.kinds)
            and (not entry.labels or not set(entry.labels).isdisjoint(labels))
        ]


def occasion_of(data: EventData) -> Occasion | None:
    """Return what people are told about an event; None if they are not."""
    waiting = NotifyEvent.WAITING
    match data:
        case PlanReady():
            return Occasion(waiting, InboxKind.PLAN, str(data.plan_version))
        case PlanChangesRequested():
            return Occasion(waiting, InboxKind.CHANGES_REQUESTED, str(data.plan_version))
        case PhaseAwaitingApproval():
            return Occasion(waiting, InboxKind.PHASE, data.phase_id)
        case TaskWaiting() if data.reason in {"manual", "release"}:
            return Occasion(waiting, InboxKind(data.reason), data.task_id)
        case DecisionRequested():
            return Occasion(waiting, InboxKind(data.kind), data.question_id)
        case _:
            ended = _ENDED.get(type(data))
            rejected = isinstance(data, ProjectCancelled) and data.outcome == Outcome.REJECTED
            return Occasion(ended, also=NotifyEvent.REJECTED if rejected else None) if ended is not None else None
