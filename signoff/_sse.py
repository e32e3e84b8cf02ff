"""Server-sent events out of the bytes of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Message:
    """One message; `id` is empty where it has none."""

    event: str = ""
    data: list[str] = field(default_factory=list[str])
    id: str = ""

    @property
    def text(self) -> str:
        """Its data."""
        return "\n".join(self.data)


class Parser:
    """Takes chunks as they come, and gives the messages that are complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._message = Message()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that `chunk` completes."""
        # Not splitlines: it also breaks at U+2028 and others that JSON carries as they are.
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
