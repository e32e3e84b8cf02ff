"""Idempotency-Key: a POST that may be sent repeatedly but takes effect only once.

The first request with a key claims it. Its answer is stored for 24 h. `answer_once` stores it in the transaction of the effect.
If a workflow decides instead, the answer is stored right before it is sent; a repeat after a crash then finds the outcome under
the claim's request id. Only successes and conflicts are stored. A request that was not valid, whose subject does not exist, or
whose If-Match was stale had no effect, so its key becomes free again. After a 5xx, a repeat resumes the request.

For addresses without an effect, nothing is stored: a repeat is handled as a new request.

Answers with the text of a key are stored encrypted.

Two bodies are equal if they are the same JSON value, regardless of whitespace and the order of members.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import structlog
from litestar import Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage, HTTPResponseStartEvent, ReceiveMessage
from litestar.utils import normalize_path
from pydantic import BaseModel
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import CALLER
from app.api.http.location import location_of
from app.api.http.secret_answers import SecretAnswers
from app.api.http.services import Services
from app.database.database import Database
from app.domain.errors import BadRequest, DomainError, Unavailable
from app.domain.people import Caller
from app.domain.plan import canonical_json
from app.domain.sender import LOCAL_ID, SERVER_KEY_ID
from app.domain.unique_json import unique_members
from app.storage import idempotency
from app.storage.idempotency import Answer, Claim, RequestKey

logger = structlog.get_logger(__name__)
# After a crash of the app, a repeat must wait until the lease expires.
LEASE = timedelta(seconds=15)
RENEWAL_SECONDS = 5.0
# No route is longer, and the column has this limit.
MAX_PATH_LENGTH = 500
# Requests to these addresses have no effect that could be repeated. Besides, sign-in requests must not be stored: neither the
# API key, not even as a hash that could be guessed, nor the cookie in the answer.
_NOTHING_KEPT = frozenset({"/api/outline", "/api/session"})
# Requests here may have a password, and answers the text of a key.
_SECRET = re.compile(r"/api/(keys|people|me/passkeys)(/|$)|/api/projects/[^/]+/signing-links$")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyKeys:
    """ASGI middleware behind the gateway.

    Args:
        app: handles the requests that were not answered before.
        database: stores the keys.
        secrets: encrypts answers with the text of a key.
        largest_body: maximum size of a body in bytes; `app` refuses larger ones.
    """

    def __init__(self, app: ASGIApp, database: Database, secrets: SecretAnswers, *, largest_body: int) -> None:
        self._app = app
        self._database = database
        self._secrets = secrets
        self._largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a repeat, or handle the request and store its answer.

        Raises:
            DomainError: the key is not valid, its first request is still in progress, or it was used with another body.
        """
        keys = _keys(scope) if scope["type"] == "http" and scope["method"] == "POST" else []
        if not keys or len(scope["path"]) > MAX_PATH_LENGTH:
            await self._app(scope, receive, send)
            return
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            raise BadRequest("Send exactly one Idempotency-Key of 1 to 255 visible ASCII characters, without spaces.")
        # The router also treats `//` as `/`.
        normal = normalize_path(scope["path"])
        if normal in _NOTHING_KEPT:
            await self._app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        secrets = self._secrets if _SECRET.match(normal) else None
        keyed = _KeyedRequest(self._database, RequestKey(_caller(scope), "POST", path, keys[0]), secrets)
        if not _is_upload(scope):
            body, receive = await _read_body(receive, self._largest_body)
            if body is None:
                await self._app(scope, receive, send)
                return
            earlier = await keyed.begin(await asyncio.to_thread(_hash_of, scope, body))
            if earlier is not None:
                await _replay(earlier, send)
                return
        scope["state"]["keyed"] = keyed
        try:
            await self._app(scope, receive, _KeepAnswer(keyed, send))
        finally:
            await keyed.end(None)


def _caller(scope: Scope) -> str:
    """Whose request it is: the id of a person or a key, whose names may change; else the name."""
    caller: Caller = scope["state"][CALLER]
    return caller.actor if caller.actor_id in {LOCAL_ID, SERVER_KEY_ID} else str(caller.actor_id)


class _KeyedRequest:
    """A request with a key, from its claim until the claim is settled.

    Args:
        database: stores the claim and the answer.
        key: identifies the request.
        secrets: encrypts the answer; None if the answer may be stored as it is.
    """

    def __init__(self, database: Database, key: RequestKey, secrets: SecretAnswers | None) -> None:
        self._database = database
        self._key = key
        self._secrets = secrets
        self._renewal: asyncio.Task[None] | None = None
        self._ended = False
        self.claim: Claim | None = None

    async def begin(self, body_hash: str) -> Answer | None:
        """Claim the request; return the stored answer if it was answered before.

        Raises:
            DomainError: the request is in progress or came with another body, or the database does not answer.
        """
        if self._secrets is not None:
            body_hash = self._secrets.hash_of(body_hash)
        result = await self._database.transact(lambda conn: idempotency.take(conn, self._key, body_hash, LEASE))
        if isinstance(result, Answer):
            return self._secrets.reveal(result) if self._secrets is not None else result
        self.claim = result
        self._renewal = asyncio.create_task(self._renew(result), name="idempotency-lease")
        return None

    async def end(self, answer: Answer | None, *, kept: bool = False) -> None:
        """Settle the claim, at most once, with the answer, or with None if there is none.

        `kept` means that the answer was already stored with its effect. If the database fails here, the answer is still valid:
        the lease expires, and a repeat finds the outcome.
        """
        claim = self.claim
        if claim is None or self._ended:
            return
        self._ended = True
        if self._renewal is not None:
            self._renewal.cancel()
        if not kept:
            try:
                await self._database.transact(lambda conn: self._settle(conn, claim, answer))
            except Unavailable:
                logger.warning("the answer could not be stored", idempotency_key=claim.key.key)

    def earlier_answer(self, conn: Connection, claim: Claim) -> Answer | None:
        """The answer if somebody else has given it meanwhile.

        Raises:
            Conflict: `request_in_progress`: the claim is no longer valid.
        """
        answer = idempotency.answer_of(conn, claim)
        return self._secrets.reveal(answer) if answer is not None and self._secrets is not None else answer

    def keep(self, conn: Connection, claim: Claim, answer: Answer) -> None:
        """Store the answer."""
        idempotency.keep(conn, claim, self._secrets.hide(answer) if self._secrets is not None else answer)

    def _settle(self, conn: Connection, claim: Claim, answer: Answer | None) -> None:
        if answer is not None and (answer.status < 300 or answer.status == 409):
            self.keep(conn, claim, answer)
        elif answer is not None and answer.status < 500 and claim.first:
            idempotency.forget(conn, claim)
        else:
            # The request may have been decided, or may still be in progress: whoever resumes it needs the same request id.
            idempotency.give_back(conn, claim)

    async def _renew(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            with suppress(DomainError):
                await self._database.transact(lambda conn: idempotency.renew(conn, claim, LEASE))


class _KeepAnswer:
    """Wraps `send`: holds an answer back until it is complete and stored."""

    def __init__(self, keyed: _KeyedRequest, send: Send) -> None:
        self._keyed = keyed
        self._send = send
        self._start: HTTPResponseStartEvent | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body" or self._start is None:
            await self._send(message)
            return
        self._body += message["body"]
        if message.get("more_body"):
            return
        answer = Answer(self._start["status"], _kept_headers(self._start["headers"]), bytes(self._body))
        await self._keyed.end(answer)
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def answer_once(
    request: AnyRequest,
    services: Services,
    work: Callable[[Connection], BaseModel],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    """Run `work` in one write transaction and answer with its result. With a key, the same transaction stores the answer.

    Raises:
        DomainError: `work` raised it; nothing was written.
    """
    keyed = _keyed(request)
    sent = {"content-type": "application/json", **{name.lower(): value for name, value in (headers or {}).items()}}

    def transaction(conn: Connection) -> Answer:
        # If this process was suspended for longer than its lease, another one may have taken over the request.
        claim = keyed.claim if keyed is not None else None
        earlier = keyed.earlier_answer(conn, claim) if keyed is not None and claim is not None else None
        if earlier is not None:
            return earlier
        made = work(conn)
        if status == 201:
            sent["location"] = location_of(request, made)
        answer = Answer(status, sent, made.model_dump_json().encode())
        if keyed is not None and claim is not None:
            keyed.keep(conn, claim, answer)
        return answer

    answer = await services.database.transact(transaction)
    if keyed is not None:
        await keyed.end(answer, kept=True)
    return _response(answer)


async def claim_upload(request: AnyRequest, *content: str) -> Response[Any] | None:
    """Claim a multipart request when its content is known, before it has an effect. Return the first answer to a repeat.

    Args:
        request: a request with or without a key.
        content: what identifies the body: path and SHA-256.

    Raises:
        DomainError: the first request is in progress, or had other content.
    """
    keyed = _keyed(request)
    if keyed is None or keyed.claim is not None:
        return None
    earlier = await keyed.begin(hashlib.sha256(canonical_json(list(content))).hexdigest())
    if earlier is None:
        return None
    answer = _response(earlier)
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def claim_of(request: AnyRequest) -> Claim | None:
    """The claim of a request with a key; None without a key."""
    keyed = _keyed(request)
    return keyed.claim if keyed is not None else None


def _keyed(request: AnyRequest) -> _KeyedRequest | None:
    return request.scope["state"].get("keyed")


def _keys(scope: Scope) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"idempotency-key"]


def _is_upload(scope: Scope) -> bool:
    types = [value.lower() for name, value in scope["headers"] if name.lower() == b"content-type"]
    return any(value.startswith(b"multipart/") for value in types)


def _hash_of(scope: Scope, body: bytes) -> str:
    try:
        value = canonical_json(json.loads(body, object_pairs_hook=unique_members))
    except (ValueError, RecursionError):
        value = body
    return hashlib.sha256(scope["query_string"] + b"\0" + value).hexdigest()


async def _read_body(receive: Receive, limit: int) -> tuple[bytes | None, Receive]:
    """The body, or None if it is too large or incomplete; and a `receive` callable that replays it."""
    messages: list[HTTPReceiveMessage] = []
    size, complete = 0, False
    while not complete and size <= limit:
        message = cast("HTTPReceiveMessage", await receive())
        messages.append(message)
        if message["type"] != "http.request":
            break
        size += len(message.get("body", b""))
        complete = not message.get("more_body", False)
    body = b"".join(message["body"] for message in messages if message["type"] == "http.request")
    waiting = iter(messages)

    async def again() -> ReceiveMessage:
        for message in waiting:
            return message
        return await receive()

    return (body if complete and size <= limit else None), again


def _kept_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    pairs = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return {name: value for name, value in pairs.items() if name != "content-length"}


def _response(answer: Answer) -> Response[Any]:
    others = {name: value for name, value in answer.headers.items() if name != "content-type"}
    return Response(
        answer.body, status_code=answer.status, headers=others, media_type=answer.headers.get("content-type")
    )


async def _replay(answer: Answer, send: Send) -> None:
    headers = {**answer.headers, "content-length": str(len(answer.body)), "idempotency-replayed": "true"}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
