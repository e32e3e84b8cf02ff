"""The `decision` action: a question that a person or a model answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, StringConstraints, model_validator

from activities.actions.wait import MAX_WAIT_SECONDS
from app.domain.actions import Fields, Mode, Unattended
from app.domain.plan import Key
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import DecidedBy

Answer = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class DecisionFields(Fields):
    """The question, and its possible answers."""

    question: str = Field(
        default="", max_length=10_000, description="The question; if empty, the task's title is used."
    )
    options: list[Answer] = Field(
        default_factory=list[str],
        max_length=50,
        description="The answers to choose from; if empty, any text is accepted.",
    )
    default: Answer | None = Field(default=None, description="The answer that is used if nobody answers in time.")
    expires_seconds: float | None = Field(
        default=None,
        gt=0,
        le=MAX_WAIT_SECONDS,
        allow_inf_nan=False,
        description="Seconds until the default answer is used. Without a default answer, the task fails.",
    )
    stop: list[Answer] | None = Field(
        default=None,
        max_length=50,
        description="The answers that end the run; if omitted, those that say no (no, reject, stop, abort, cancel). If empty, "
        "or if a later task reads the answer and this is omitted: none.",
    )

    by: DecidedBy = Field(
        default=DecidedBy.PERSON,
        description="Who answers: `person`, or `model`: a model answers first, and a person if the model is not sure.",
    )
    other_than: Key | None = Field(
        default=None,
        description="The key of another decision. This one must be answered by a different person than that one.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> DecisionFields:
        if len(set(self.options)) != len(self.options):
            raise ValueError("an option appears twice")
        if self.default is not None and self.options and self.default not in self.options:
            raise ValueError(f"the default '{self.default}' is not one of the options")
        for answer in self.stop or [] if self.options else []:
            if answer not in self.options:
                raise ValueError(f"stop names '{answer}', which is not one of the options")
        if self.other_than is not None and self.by == DecidedBy.MODEL:
            raise ValueError("other_than asks for another person, so a model cannot answer (by is model)")
        if self.other_than is not None and self.default is not None:
            raise ValueError("other_than asks for another person, so there cannot be a default answer")
        return self


class Decision(Unattended):
    """Waits until the question is answered. Its outputs are `answer`, `answered_by` and `comment`. Whoever answers does not
    see values of inputs.
    """

    type: ClassVar[str] = "decision"
    mode: ClassVar[Mode] = Mode.DECISION
    fields_model: ClassVar[type[BaseModel]] = DecisionFields
    rare: ClassVar[tuple[str, ...]] = ("default", "expires_seconds", "stop", "by", "other_than")

    @classmethod
    def output_names(cls, fields: JsonObject) -> Collection[str]:
        """What a person or a model has answered."""
        del fields
        return ("answer", "answered_by", "comment")
