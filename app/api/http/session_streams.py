"""Ends event streams when the session that opened them ends."""

from __future__ import annotations

import time

from litestar.types import Message, Send

from app.api.http.credentials import Credentials

# A revoked session stops receiving data after at most this time.
CHECK_SECONDS = 5.0


class SessionStreams:
    """Wraps the `send` of a request with a session cookie, and checks the session at intervals during a long answer.

    Args:
        send: sends the messages.
        credentials: check whether the session is valid.
        session_id: the session.
    """

    def __init__(self, send: Send, credentials: Credentials, session_id: str) -> None:
        self._send = send
        self._credentials = credentials
        self._session_id = session_id
        self._checked_at = time.monotonic()
        self._is_over = False

    async def __call__(self, message: Message) -> None:
        """Send a message; if the session has ended, end the answer instead."""
        if self._is_over:
            return
        if message["type"] == "http.response.body" and time.monotonic() - self._checked_at > CHECK_SECONDS:
            self._checked_at = time.monotonic()
            if not await self._credentials.session_lives(self._session_id):
                # After this message, the server reports to the app that the client is gone. Further messages are dropped.
                self._is_over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)
