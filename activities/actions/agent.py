"""The `agent` action: a model with tools, bound to the workspace."""

from __future__ import annotations

from typing import Any, ClassVar

from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, Field, field_validator

from app.domain.actions import Action, Fields, TaskContext, TaskFailed
from app.domain.errors import Conflict
from app.models.access import load

MOST_CALLS = 30


class AgentFields(Fields):
    """What the agent is to do, and in which shape it answers."""

    prompt: str = Field(min_length=1, max_length=50_000, description="The task, in words.")
    output_schema: dict[str, Any] | None = Field(
        default=None, description="JSON schema (draft 2020-12) of an object; its properties become the outputs."
    )
    max_calls: int = Field(default=MOST_CALLS, ge=1, le=500, description="How often the model may be asked.")

    @field_validator("output_schema")
    @classmethod
    def _schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is None:
            return None
        try:
            Draft202012Validator.check_schema(value)
        except SchemaError as error:
            raise ValueError(f"this is no JSON schema: {error.message}") from error
        if value.get("type") != "object":
            raise ValueError('the schema must be of an object: {"type": "object", "properties": …}')
        return value


class Agent(Action):
    """Has a model do what needs judgement or writing, with the tools of the task's agent.

    Outputs: `text`, the answer; with `output_schema` its properties instead. The log is the transcript.
    """

    type: ClassVar[str] = "agent"
    fields_model: ClassVar[type[BaseModel]] = AgentFields
    rare: ClassVar[tuple[str, ...]] = ("output_schema", "max_calls")
    takes_secrets: ClassVar[bool] = False

    async def run(self, context: TaskContext) -> dict[str, Any]:
        """Hold the conversation and return what came of it.

        Raises:
            PersonAsked: the agent has a question.
            TaskFailed: `no_model`, `planner_unavailable`, and what `agent_conversation.converse` says.
        """
        fields = AgentFields.model_validate(context.fields)
        try:
            await load("activities.actions.agent_conversation")
        except Conflict as error:
            raise TaskFailed("no_model", error.info.message, retryable=False) from error
        from activities.actions.agent_conversation import converse  # noqa: PLC0415 - loaded only where a model is asked

        return await converse(context, fields.prompt, fields.output_schema, fields.max_calls)
