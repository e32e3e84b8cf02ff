"""Parses server-sent events from the bytes of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Message:
    """One message. `id` is empty if the message has none."""

    event: str = ""
    data: list[str] = field(default_factory=list[str])
    id: str = ""

    @property
    def text(self) -> str:
        """The data lines of the message as one text."""
        return "\n".join(self.data)


class Parser:
    """Takes chunks as they arrive, and yields each message once it is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._message = Message()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield the messages that `chunk` completes."""
        # Not splitlines(): it also splits at characters such as U+2028, which JSON may contain unescaped.
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            message = self._take(line.removesuffix(b"\r").decode())
            if message is not None:
                yield message

    def _take(self, line: str) -> Message | None:
        if not line:
            done, self._message = self._message, Message()
            return done if done.data or done.event else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._message.event = value
        elif name == "data":
            self._message.data.append(value)
        elif name == "id":
            self._message.id = value
        return None
