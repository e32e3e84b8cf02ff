"""The event stream of a project."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.outcome import seal_now
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain.people import Access
from app.domain.seals import Seal
from app.domain.states import FINISHED_PROJECT
from app.storage import events, projects, seals
from signoff.schemas.events import Event
from signoff.vocabulary import EventType, Scope, Stage

PING_SECONDS = 10.0
SEALED = "record.sealed"
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LARGEST = 2**31 - 1


class EventController(Controller):
    """Server-sent events of one project."""

    path = "/api/projects/{project_id:str}/events"
    tags = ("events",)

    @get(
        "/",
        operation_id="streamEvents",
        opt={SCOPE: Scope.READ},
        summary="Stream the project's events",
        media_type="text/event-stream",
    )
    async def stream_events(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        after: Annotated[int, QueryParameter(ge=0, le=_LARGEST)] = 0,
        follow: FromQuery[bool] = True,
        types: Annotated[str, QueryParameter(max_length=1000)] = "*",
        last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    ) -> Response[None] | ServerSentEvent:
        """From the first event, or from the one after `Last-Event-ID` or `after`; 204 if a finished project has no more.

        If `types` names `record.sealed`, the app's newest seal follows the events that it covers. A seal has no id, because it
        is not an event of the record: the record cannot contain its own signature.
        """
        start = max(after, _number(last_event_id))
        finished, newest = await services.database.read(lambda conn: _position(conn, project_id))
        if finished and start >= newest and start > 0:
            return Response(None, status_code=204)
        stream = _Stream(
            services,
            project_id,
            start,
            chosen_types(types),
            caller_of(request).access,
            follow=follow,
            seals=_wants_seals(types),
        )
        return ServerSentEvent(stream.messages(), headers=STREAM_HEADERS)


class _Stream:
    """One reader's position in the record."""

    def __init__(
        self,
        services: Services,
        project_id: str,
        start: int,
        types: set[EventType],
        access: Access,
        *,
        follow: bool,
        seals: bool,
    ) -> None:
        self._services = services
        self._project_id = project_id
        self._seq = start
        self._types = types
        self._access = access
        self._follow = follow
        self._wants_seals = seals
        # The number of the newest seal that the reader has.
        self._sealed = 0

    async def messages(self) -> AsyncGenerator[ServerSentEventMessage, None]:
        """All events after the start, then new ones, until the project is finished and all of its events are sent."""
        yield ServerSentEventMessage(comment="signoff", data=None)
        with self._services.database.feed.subscribe(self._project_id) as changes:
            while True:
                batch, more, ended = await self._next()
                for event in batch:
                    self._seq = event.seq
                    if event.type in self._types:
                        yield event.message
                last = ended or not (more or self._follow)
                if last and self._wants_seals:
                    await seal_now(self._services.sealer, self._project_id)
                if (seal := await self._new_seal()) is not None:
                    yield ServerSentEventMessage(event=SEALED, data=seal.model_dump_json())
                if last:
                    yield ServerSentEventMessage(event="end", data="{}")
                    return
                # What has happened since the read has woken this reader already.
                if not more and not await changes.wait(PING_SECONDS):
                    yield ServerSentEventMessage(comment=f"ping {int(time.time())}", data=None)

    async def _new_seal(self) -> Seal | None:
        """The newest seal if the reader has all events that it covers but not the seal itself."""
        if not self._wants_seals:
            return None
        seal = await self._services.database.read(lambda conn: seals.newest(conn, self._project_id))
        if seal is None or seal.number <= self._sealed or seal.seq > self._seq:
            return None
        self._sealed = seal.number
        return seal

    async def _next(self) -> tuple[list[_Sendable], bool, bool]:
        """The next events, whether there are more, and whether the project is finished and these are its last."""
        project_id, seq = self._project_id, self._seq
        # All readers that a change wakes are at the same event, and share what one of them reads.
        found = await self._services.shared_reads.read(
            ("events", project_id, seq), lambda conn: _read(conn, project_id, seq)
        )
        if found.labels is not None and not self._access.may(Scope.READ, found.labels):
            # Its labels were changed.
            return [], False, True
        return found.events, found.more, found.ended


class _EncodedOnce(ServerSentEventMessage):
    """A message that many readers get."""

    @cached_property
    def _encoded(self) -> bytes:
        return super().encode()

    def encode(self) -> bytes:
        return self._encoded


@dataclass(frozen=True, slots=True)
class _Sendable:
    """An event as it is sent."""

    seq: int
    type: str
    message: ServerSentEventMessage


@dataclass(frozen=True, slots=True)
class _Batch:
    """The next events of a project.

    Attributes:
        labels: the project's labels; None if it was deleted.
        more: whether there are more events now.
        ended: whether the project is finished and these are its last events.
    """

    events: list[_Sendable]
    labels: list[str] | None
    more: bool
    ended: bool


def _read(conn: Connection, project_id: str, seq: int) -> _Batch:
    project = projects.find(conn, project_id)
    if project is None:
        farewell = events.farewell(conn, project_id)
        rest = [farewell] if farewell is not None and farewell.seq > seq else []
        return _Batch(list(map(_sendable, rest)), None, more=False, ended=True)
    batch = events.after(conn, project_id, seq)
    last = batch[-1].seq if batch else seq
    # A read is of one moment. If the project's row is wrong, what was found decides.
    more = bool(batch) and last < project.last_seq
    ended = _is_finished(project.status, project.stage) and last >= project.last_seq
    return _Batch(list(map(_sendable, batch)), project.labels, more=more, ended=ended)


def _sendable(event: Event) -> _Sendable:
    data = json.dumps(event.model_dump(), ensure_ascii=False)
    return _Sendable(event.seq, event.type, _EncodedOnce(event=event.type, id=event.seq, data=data))


def _position(conn: Connection, project_id: str) -> tuple[bool, int]:
    project = projects.find(conn, project_id)
    if project is not None:
        return _is_finished(project.status, project.stage), project.last_seq
    farewell = events.farewell(conn, project_id)
    if farewell is None:
        raise projects.missing(conn, project_id)
    return True, farewell.seq


def _is_finished(status: str, stage: str) -> bool:
    return status in FINISHED_PROJECT and stage == Stage.FINISHED


def chosen_types(types: str) -> set[EventType]:
    """The event types that match comma-separated patterns; all types if there is no pattern."""
    patterns = [pattern.strip() for pattern in (types or "*").split(",")]
    return {kind for kind in EventType if any(fnmatchcase(kind, pattern) for pattern in patterns)}


def _wants_seals(types: str) -> bool:
    """Whether a reader asked for seals by name. The pattern `*` does not include them."""
    patterns = (pattern.strip() for pattern in types.split(","))
    return any(pattern != "*" and fnmatchcase(SEALED, pattern) for pattern in patterns)


def _number(last_event_id: str | None) -> int:
    """The event number in a Last-Event-ID; 0, the beginning, if it is not one of our ids."""
    text = last_event_id or ""
    return min(int(text), _LARGEST) if text.isascii() and text.isdigit() and len(text) < 12 else 0
