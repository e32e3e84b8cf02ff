"""Event streams end with the session that they were opened in."""

from __future__ import annotations

import time

from litestar.types import Message, Send

from app.api.credentials import Credentials

# At most so long after it was revoked does a session still receive anything.
CHECK_SECONDS = 5.0


class SessionStreams:
    """The `send` of a request that a session's cookie has opened; a long answer is checked at intervals.

    Args:
        send: what sends.
        credentials: tell whether the session lives.
        session_id: that session.
    """

    def __init__(self, send: Send, credentials: Credentials, session_id: str) -> None:
        self._send = send
        self._credentials = credentials
        self._session_id = session_id
        self._checked_at = time.monotonic()
        self._is_over = False

    async def __call__(self, message: Message) -> None:
        """Send a message, or, once the session is over, end the answer instead."""
        if self._is_over:
            return
        if message["type"] == "http.response.body" and time.monotonic() - self._checked_at > CHECK_SECONDS:
            self._checked_at = time.monotonic()
            if not await self._credentials.session_lives(self._session_id):
                # The server then tells the app that nobody listens, and whatever else comes is for nobody.
                self._is_over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)
