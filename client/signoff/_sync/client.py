# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The client, with the methods that do not belong to one project."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from signoff import schemas
from signoff._requests import Request, get, post, read_answer
from signoff._sync.files import Files
from signoff._sync.filters import Filters
from signoff._sync.notifications import Notifications
from signoff._sync.people import Keys, People, SigningLinks
from signoff._sync.projects import Projects
from signoff._sync.tasks import Decisions, Phases, Tasks
from signoff._sync.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from signoff.schemas.catalogue import AgentList, ArchetypeList, StrategyList
    from signoff.schemas.events import LiveEvent
    from signoff.schemas.inbox import Inbox
    from signoff.schemas.outline import OutlinePreview
    from signoff.schemas.overview import Overview
    from signoff.schemas.passkeys import Passkey, PasskeyChallenge, PasskeyList
    from signoff.schemas.people import Me
    from signoff.schemas.policies import PolicyList
    from signoff.schemas.record import RecordKey
    from signoff.schemas.session import Revoked, SessionList
    from signoff.schemas.system import Health, Ready
    from signoff.schemas.templates import TemplateList

# Longer than the 60 s that the server may wait for a plan.
_ANSWER_SECONDS = 75.0
_RETRY_SECONDS = 20.0


class Signoff:
    """A client for one Signoff. Use it as a context manager.

    Every method raises a subclass of `SignoffError` if the API refuses the request, and `NoAnswer` if no server answers.
    The client repeats requests that got no answer, 503 or `request_in_progress`. This is safe, because each POST has an
    Idempotency-Key.

    Args:
        url: the server's address; None means `SIGNOFF_URL`, or `http://127.0.0.1:8400` if that is not set.
        api_key: the server's API key, or a key of your own; None means `SIGNOFF_API_KEY`.
        timeout: the number of seconds that one answer may take.
        retry_seconds: the number of seconds for which a request is retried; 0 means no retries.

    Attributes:
        projects: projects, with their plans and runs.
        tasks: the tasks of a project.
        phases: the phases of a project.
        decisions: the open and past decisions of a project.
        files: the files of a project's workspace.
        filters: your saved filters of the list of projects.
        people: the people who may sign in.
        keys: the keys of programs.
        signing_links: links that let one person sign what waits in a project.
        notifications: what was sent to whom.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = _ANSWER_SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        self._transport = Transport(url, api_key, timeout=timeout, retry_seconds=retry_seconds)
        self.projects = Projects(self._transport)
        self.tasks = Tasks(self._transport)
        self.phases = Phases(self._transport)
        self.decisions = Decisions(self._transport)
        self.files = Files(self._transport)
        self.filters = Filters(self._transport)
        self.people = People(self._transport)
        self.keys = Keys(self._transport)
        self.signing_links = SigningLinks(self._transport)
        self.notifications = Notifications(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine, so that its folders are on this machine too."""
        return self._transport.is_local

    def agents(self) -> AgentList:
        """List the agents that a project or task can name."""
        return self._transport.call(get("/api/agents"), schemas.catalogue.AgentList)

    def strategies(self) -> StrategyList:
        """List the strategies and what each one means."""
        return self._transport.call(get("/api/strategies"), schemas.catalogue.StrategyList)

    def archetypes(self) -> ArchetypeList:
        """List the experts (archetypes) that a project can name."""
        return self._transport.call(get("/api/archetypes"), schemas.catalogue.ArchetypeList)

    def templates(self) -> TemplateList:
        """List what a new project can start from: the templates of the team, then the built-in ones."""
        return self._transport.call(get("/api/templates"), schemas.templates.TemplateList)

    def preview_outline(
        self,
        description: str,
        *,
        agent_id: str | None = None,
        parameters: Mapping[str, str | float | bool] | None = None,
        labels: Sequence[str] = (),
    ) -> OutlinePreview:
        """Preview the plan that the planner `outline` makes from a description. Nothing is stored.

        The `policies` of the preview say who must sign the plan of a project with these labels.

        A description that does not make a plan raises no error: the `problems` of the preview say why. So do wrong or missing
        values, if `parameters` is given.
        """
        body: dict[str, object] = {"description": description, "agent_id": agent_id, "parameters": parameters}
        if labels:
            body["labels"] = list(labels)
        return self._transport.call(post("/api/outline", body), schemas.outline.OutlinePreview)

    def policies(self) -> PolicyList:
        """List the policies, which say who must sign which documents."""
        return self._transport.call(get("/api/policies"), schemas.policies.PolicyList)

    def inbox(self, *, limit: int | None = None, offset: int | None = None) -> Inbox:
        """List what waits for you across all projects: first what expires, then the oldest. 20 items, unless `limit` says so."""
        return self._transport.call(get("/api/inbox", {"limit": limit, "offset": offset}), schemas.inbox.Inbox)

    def overview(self, *, weeks: int | None = None) -> Overview:
        """Get what runs and waits, and what was done in the last weeks, over all projects that you may read.

        Args:
            weeks: how many weeks to go back, with the current one; None means 13.
        """
        return self._transport.call(get("/api/overview", {"weeks": weeks}), schemas.overview.Overview)

    def me(self) -> Me:
        """Get who you are for the server, and what you may do."""
        return self._transport.call(get("/api/me"), schemas.people.Me)

    def change_password(self, password: str, new_password: str) -> Me:
        """Change your own password. Your sessions end."""
        body = {"password": password, "new_password": new_password}
        return self._transport.call(Request("PUT", "/api/me/password", body=body), schemas.people.Me)

    def passkeys(self) -> PasskeyList:
        """List your passkeys: the devices that sign plans for you."""
        return self._transport.call(get("/api/me/passkeys"), schemas.passkeys.PasskeyList)

    def begin_passkey(self, password: str | None = None) -> PasskeyChallenge:
        """Get what a new device has to sign. Needs your password."""
        request = Request("POST", "/api/me/passkeys/challenge", body={"password": password})
        return self._transport.call(request, schemas.passkeys.PasskeyChallenge)

    def add_passkey(self, name: str, *, nonce: str, credential_id: str, client_data: str, attestation: str) -> Passkey:
        """Add a passkey with what a device has answered, in base64url."""
        body = {
            "name": name,
            "nonce": nonce,
            "credential_id": credential_id,
            "client_data": client_data,
            "attestation": attestation,
        }
        return self._transport.call(post("/api/me/passkeys", body), schemas.passkeys.Passkey)

    def remove_passkey(self, passkey_id: str) -> Passkey:
        """Remove a passkey. What it signed stays on record."""
        path = f"/api/me/passkeys/{quote(passkey_id, safe='')}"
        return self._transport.call(Request("DELETE", path), schemas.passkeys.Passkey)

    def sessions(self) -> SessionList:
        """List signed-in browsers, newest first."""
        return self._transport.call(get("/api/sessions"), schemas.session.SessionList)

    def revoke_session(self, session_id: str) -> Revoked:
        """Revoke the session of a browser, which must then sign in again."""
        return self._transport.call(
            Request("DELETE", f"/api/sessions/{quote(session_id, safe='')}"), schemas.session.Revoked
        )

    def record_key(self) -> RecordKey:
        """Get the public key that seals the record, and whether the database has everything that was sealed."""
        return self._transport.call(get("/api/record-key"), schemas.record.RecordKey)

    def health(self) -> Health:
        """Check that the server process is alive, and get its version."""
        return self._transport.call(get("/health"), schemas.system.Health)

    def ready(self) -> Ready:
        """Check whether the server can serve requests, and what is missing if it cannot."""
        return read_answer(self._transport.look("/ready"), schemas.system.Ready)

    def live_events(self, *, types: str | None = None) -> Generator[LiveEvent, None, None]:
        """Yield the events of all projects from now on, without end. Use them to keep a list up to date.

        Events are missed while the connection is lost, so reload the list now and then.
        """
        with closing(self._transport.messages(get("/api/events", {"types": types}))) as messages:
            for message in messages:
                yield schemas.events.LiveEvent.model_validate(json.loads(message.text), extra="allow")
