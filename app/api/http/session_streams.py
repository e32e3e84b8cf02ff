"""Ends event streams when the session or the key that opened them ends, or when the roles of their reader change."""

from __future__ import annotations

import time

from litestar.types import Message, Send

from app.api.http.credentials import Credentials
from app.domain.people import Caller

# Whoever loses a session, a key or a role stops receiving data after at most this time.
CHECK_SECONDS = 5.0


class SessionStreams:
    """Wraps the `send` of a request, and checks its sender at intervals during a long answer.

    Args:
        send: sends the messages.
        credentials: check whether the sender may still do what they could.
        caller: the sender.
    """

    def __init__(self, send: Send, credentials: Credentials, caller: Caller) -> None:
        self._send = send
        self._credentials = credentials
        self._caller = caller
        self._checked_at = time.monotonic()
        self._is_over = False

    async def __call__(self, message: Message) -> None:
        """Send a message; if the sender may no longer have it, end the answer instead."""
        if self._is_over:
            return
        if message["type"] == "http.response.body" and time.monotonic() - self._checked_at > CHECK_SECONDS:
            self._checked_at = time.monotonic()
            if not await self._credentials.is_current(self._caller):
                # After this message, the server reports to the app that the client is gone. Further messages are dropped.
                self._is_over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)
