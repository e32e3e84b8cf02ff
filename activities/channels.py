"""Sends notifications: to webhooks by the Standard Webhooks specification, and to everything that Apprise reaches.

Addresses come from the operator's settings alone, never from a project. What goes wrong is described without them, because an
address may hold a password, and descriptions are recorded.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

import httpx
from pydantic import SecretStr

from activities.tls import shared_tls
from app.domain.messages import letter_of
from app.domain.notifying import NotifyEntry, check_mail, check_secret
from signoff.schemas.notifications import Message

ANSWER_SECONDS = 15.0
_GONE = 410


class NotSent(Exception):
    """A message was not sent.

    Args:
        why: the reason, without secrets.
        final: another attempt would be of no use.
    """

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


async def send(
    entry: NotifyEntry, message_id: str, message: Message, variables: Mapping[str, str], *, to: str | None = None
) -> None:
    """Send a message through the channel of an entry.

    Args:
        entry: the `[[notify]]` entry.
        message_id: the id by which a receiver recognizes a repeat.
        message: the message, the same at each attempt.
        variables: the environment, with its secrets.
        to: the address of the only reader; None if the channel says who reads it.

    Raises:
        NotSent: it was not sent, as far as anybody knows.
    """
    if entry.webhook is not None:
        secret = _secret(entry.secret, entry.secret_env, entry.secret_file, variables)
        await _post(entry.webhook, secret, message_id, message)
    else:
        await _tell(_secret(entry.url, entry.url_env, entry.url_file, variables), message, to)


class _Service(Protocol):
    """The part of Apprise that is used here. A result is true if every service took the message."""

    def add(self, services: object) -> bool: ...
    def notify(self, *, title: str, body: str, body_format: str) -> object: ...


def signature_of(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


async def _post(address: str, secret: str, message_id: str, message: Message) -> None:
    try:
        check_secret(secret)
    except ValueError as error:
        raise NotSent(f"The secret is not valid: {error}.") from None
    body, timestamp = message.model_dump_json().encode(), int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_of(secret, message_id, timestamp, body),
    }
    try:
        # A redirect would lead to an address that the operator has not configured.
        async with (
            httpx.AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, verify=shared_tls()) as client,
            client.stream("POST", address, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except httpx.TimeoutException:
        raise NotSent("The receiver did not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotSent(f"The receiver could not be reached ({type(error).__name__}).") from None
    if not 200 <= status < 300:
        raise NotSent(f"The receiver answered {status}.", final=status == _GONE)


class _Services(Protocol):
    """Where Apprise keeps its services, by the URL."""

    def instantiate(self, url: str) -> object: ...


class _Mail(Protocol):
    """The part of Apprise's e-mail service that is used here."""

    targets: list[tuple[bool, str]]
    cc: set[str]
    bcc: set[str]


async def _tell(address: str, message: Message, to: str | None) -> None:
    # Apprise and its plug-ins are slow to import, and most workers never send anything.
    import apprise  # noqa: PLC0415

    # Its log may show addresses.
    logging.getLogger("apprise").disabled = True
    service = cast("_Service", apprise.Apprise())
    channel = cast("_Services", apprise.Apprise).instantiate(address)
    if channel is None or not service.add(channel):
        raise NotSent("Apprise does not understand the url of this entry. See its documentation.")
    if to is not None:
        _only_to(to, address, cast("_Mail", channel))
    letter = letter_of(message)
    sending = asyncio.to_thread(
        service.notify, title=letter.subject, body=letter.body, body_format=apprise.NotifyFormat.TEXT
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            done = await sending
    except TimeoutError:
        raise NotSent("The service did not answer in time.") from None
    if not done:
        raise NotSent("The service could not be reached, or refused the message.")


def _only_to(to: str, address: str, channel: _Mail) -> None:
    """Have a mail go to one reader, whomever the url names."""
    try:
        check_mail(address)
    except ValueError as error:
        raise NotSent(f"This was not sent: {error}.", final=True) from None
    channel.targets, channel.cc, channel.bcc = [(False, to)], set(), set()


def _secret(given: SecretStr | None, variable: str | None, file: str | None, variables: Mapping[str, str]) -> str:
    if given is not None:
        return given.get_secret_value()
    if variable is not None:
        if text := variables.get(variable, "").strip():
            return text
        raise NotSent(f"The variable {variable} is not set for the worker.")
    try:
        return Path(file or "").expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise NotSent(f"The file {file} cannot be read ({type(error).__name__}).") from None
