"""A brief is planned, with a model that answers over HTTP, and the outcome is read as the signer sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from tests.bridge.briefs import PlainBrief
from tests.conftest import Stack
from tests.waiting import DEADLINE, eventually

FOLDER = Path(__file__).with_name("conversations")


class Score(BaseModel):
    """What a reader thinks of the plan. README.md says what each criterion means."""

    model_config = ConfigDict(extra="forbid")

    faithful: bool
    runs: bool
    honest: bool
    asks: bool
    signable: bool
    remark: str = ""


class Outcome(BaseModel):
    """What came of a brief: an outline of the plan, or the reason why there is none."""

    model_config = ConfigDict(extra="forbid")

    outline: str | None = None
    warnings: list[str] = []
    assumptions: list[str] = []
    questions: list[str] = []
    error: dict[str, Any] | None = None


class Conversation(BaseModel):
    """What a model answered to one brief, and what became of it.

    Attributes:
        characters: the size of each request in characters, when the conversation was held.
        score: none before somebody has read the plan.
    """

    model_config = ConfigDict(extra="forbid")

    answers: list[Any]
    characters: list[int]
    outcome: Outcome
    score: Score | None = None

    def write(self, name: str) -> Path:
        """Keep the conversation."""
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(self.model_dump(), indent=1, ensure_ascii=False) + "\n")
        return path


def kept(name: str) -> Conversation:
    """Return a conversation that was kept."""
    return Conversation.model_validate_json((FOLDER / f"{name}.json").read_text())


async def plan(signoff: Stack, brief: PlainBrief, *, seconds: float = DEADLINE) -> Outcome:
    """Have the project of a brief planned by the model."""
    project_id = await signoff.create(brief.text, name=brief.name)
    for path, content in brief.files.items():
        await signoff.call("POST", f"/{project_id}/files/upload", files={"file": content.encode()}, data={"path": path})
    await signoff.http.post(f"/api/projects/{project_id}/generate-plan", headers={"Prefer": "wait=1"})

    async def ended() -> dict[str, Any] | None:
        events = await signoff.events(project_id)
        return next((event for event in events if event["type"] in {"plan.ready", "plan.failed"}), None)

    event = await eventually(ended, what="the plan is made", seconds=seconds)
    if event["type"] == "plan.failed":
        return Outcome(error={name: event["data"][name] for name in ("code", "message", "details")})
    read = await signoff.http.get(f"/api/projects/{project_id}/plan", headers={"Accept": "text/markdown"})
    described = await signoff.call("GET", f"/{project_id}/plan")
    return Outcome(
        outline=read.text,
        warnings=described["warnings"],
        assumptions=described["assumptions"],
        questions=[item["question"] for item in described["questions"]],
    )
