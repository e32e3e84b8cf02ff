"""Requests to a model become files, and files become its answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.model_answers import Answer, Output, Text
from tests.model_server import Request

_POLL_SECONDS = 0.2


@dataclass
class Bridge:
    """Writes each request to a folder, and waits until somebody has written the answer.

    Attributes:
        folder: where `1.request.md`, `1.answer.json` and so on lie.
        answers: the answers so far.
        characters: how many characters each request had.
    """

    folder: Path
    answers: list[Any] = field(default_factory=list[Any])
    characters: list[int] = field(default_factory=list[int])

    async def answer(self, request: Request) -> Answer:
        """Return what the person answers. JSON is structured output, and text from a `.txt` file stays text."""
        number = len(self.answers) + 1
        asked = self.folder / f"{number}.request.md"
        asked.write_text(_readable(request))
        print(f"{asked} waits for {number}.answer.json", flush=True)
        value = await self._written(number)
        self.answers.append(value)
        self.characters.append(request.size)
        return Text(value) if isinstance(value, str) else Output(value)

    async def _written(self, number: int) -> Any:
        structured, text = (self.folder / f"{number}.answer.{suffix}" for suffix in ("json", "txt"))
        while True:
            if text.exists():
                return text.read_text()
            if structured.exists():
                try:
                    return json.loads(structured.read_text())
                except ValueError as error:
                    # Perhaps it is not written to its end. If it is wrong, the message says where.
                    print(f"{structured} is not JSON yet: {error}", flush=True)
            await asyncio.sleep(_POLL_SECONDS)  # why: the step of a wait for a person, who has no deadline


def _readable(request: Request) -> str:
    """The request as a page: each message, and then what the answer must look like."""
    parts: list[str] = []
    for message in request.body.get("messages", []):
        content = message.get("content")
        text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False)
        parts.append(f"# {message['role']}\n\n{text}")
    expected = request.body.get("response_format") or request.body.get("tools")
    parts.append(f"# Form of the answer\n\n```json\n{json.dumps(expected, indent=1, ensure_ascii=False)}\n```")
    return "\n\n".join(parts) + "\n"
