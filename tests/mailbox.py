"""An SMTP server that takes every mail, as a user of Signoff would run one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.ports import free_port


@dataclass
class Mailbox:
    """What arrived, and at which addresses."""

    port: int
    mails: list[Message] = field(default_factory=list[Message])
    readers: list[list[str]] = field(default_factory=list[list[str]])

    @property
    def url(self) -> str:
        """The server as an Apprise URL, to which the recipient is added."""
        return f"mailto://127.0.0.1:{self.port}?from=signoff@example.com&mode=insecure"

    @property
    def texts(self) -> list[str]:
        return [_text(mail) for mail in self.mails]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content))
        self.readers.append(list(envelope.rcpt_tos))
        return "250 OK"


def _text(mail: Message) -> str:
    part = mail.get_payload(0) if mail.is_multipart() else mail
    assert isinstance(part, Message)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


@contextlib.asynccontextmanager
async def receiving_mail() -> AsyncGenerator[Mailbox]:
    mailbox = Mailbox(free_port())
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    await asyncio.to_thread(controller.start)
    try:
        yield mailbox
    finally:
        await asyncio.to_thread(controller.stop)
