"""Which answers are large, and how they are sent."""

from __future__ import annotations

import threading

import pytest
from litestar import Response
from pydantic import BaseModel, field_serializer

from app.api.http.large_answers import LARGE, encode_large, is_large


class Item(BaseModel):
    name: str = "é"
    parts: list[int] = []

    @field_serializer("name")
    def _noted(self, name: str) -> str:
        SERIALIZED_IN.append(threading.current_thread())
        return name


class Answer(BaseModel):
    items: list[Item] = []
    words: list[str] = []


SERIALIZED_IN: list[threading.Thread] = []


@pytest.mark.parametrize(
    ("answer", "large"),
    [
        (Answer(), False),
        (Answer(words=[""] * (LARGE - 1)), False),
        (Answer(words=[""] * LARGE), True),
        (Answer(items=[Item()] * (LARGE // 2), words=[""] * (LARGE // 2)), True),
        (Answer(items=[Item(parts=[1] * (LARGE // 2))] * 2), True),
    ],
)
def test_the_items_of_lists_count(answer: Answer, large: bool) -> None:
    assert is_large(answer) == large


async def test_a_large_answer_is_made_beside_the_event_loop() -> None:
    SERIALIZED_IN.clear()
    answer = Answer(items=[Item()] * LARGE)
    sent = await encode_large(Response(answer))
    assert threading.current_thread() not in SERIALIZED_IN
    assert len(SERIALIZED_IN) == LARGE
    assert sent.media_type == "application/json"
    assert Answer.model_validate_json(sent.content) == answer
