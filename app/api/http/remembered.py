"""Encodes answers where they are read, so that they can be kept (`app.database.remembered_reads`)."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

from litestar import Response
from pydantic import BaseModel

from app.api.http.preconditions import etag
from app.database.remembered_reads import Encoded
from app.domain.people import Caller
from signoff.schemas.tasks import Task
from signoff.vocabulary import TaskStatus

_IN_PROGRESS = frozenset({TaskStatus.RUNNING, TaskStatus.WAITING})


def encoded(answer: BaseModel, tag: str | None = None) -> Encoded:
    """An answer that depends on nothing but its key and the database. `tag` is the value of its ETag."""
    return Encoded(answer.__pydantic_serializer__.to_json(answer), tag)


def response_of(found: Encoded) -> Response[Any]:
    """The response with an encoded answer."""
    return Response(
        found.body, media_type="application/json", headers=etag(found.tag) if found.tag is not None else None
    )


def grows(tasks: Collection[Task]) -> bool:
    """Whether the duration of a task depends on the time at which it is read."""
    return any(task.status in _IN_PROGRESS for task in tasks)


def reader_key(caller: Caller) -> Hashable:
    """What an answer may depend on of its reader."""
    roles = tuple((grant.role, *grant.labels) for grant in caller.access.grants)
    return caller.actor, caller.actor_id, caller.via, roles
