"""The `agent` action: a model with tools that works in the workspace."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import ClassVar, cast

from pydantic import BaseModel, Field, field_validator

from activities.actions.task_environment import checked_variables
from app.domain.actions import Action, Fields, TaskContext, TaskFailed
from app.domain.errors import Conflict
from app.llm.access import load
from signoff.schemas.json_value import JsonObject, JsonValue

MAX_CALLS = 30
MAX_SCHEMA_LENGTH = 100_000


class AgentFields(Fields):
    """The task for the agent, and the schema of its answer."""

    prompt: str = Field(min_length=1, max_length=50_000, description="The task, in plain words.")
    output_schema: JsonObject | None = Field(
        default=None, description="JSON schema (draft 2020-12) of an object. Its properties become the outputs."
    )
    max_calls: int = Field(default=MAX_CALLS, ge=1, le=500, description="Maximum number of calls to the model.")
    env: dict[str, str] = Field(
        default_factory=dict[str, str], description="Additional environment variables for the agent's commands."
    )

    @field_validator("env")
    @classmethod
    def _names(cls, env: dict[str, str]) -> dict[str, str]:
        return checked_variables(env)

    @field_validator("output_schema")
    @classmethod
    def _schema(cls, value: JsonObject | None) -> JsonObject | None:
        if value is None:
            return None
        # It loads jsonschema, which takes long and which only a plan with a schema needs.
        from activities.actions.linear_schema import MAX_SCHEMA_DEPTH, fault_of, is_shallow  # noqa: PLC0415

        if not is_shallow(value):
            raise ValueError(f"the schema is nested more than {MAX_SCHEMA_DEPTH} levels deep")
        if len(json.dumps(value)) > MAX_SCHEMA_LENGTH:
            raise ValueError(f"the schema has more than {MAX_SCHEMA_LENGTH} characters")
        fault = fault_of(value)
        if fault is not None:
            raise ValueError(f"the schema is not a valid JSON schema: {fault}")
        _follow(value, value, {}, ())
        if value.get("type") != "object":
            raise ValueError('the schema must describe an object: {"type": "object", "properties": …}')
        return value


class Agent(Action):
    """Lets a model do work that needs judgment or writing, with the tools of the task's agent.
    Its output is `text`, its final answer, or else the properties of `output_schema`. It sees the inputs as JSON.

    The log is the transcript.
    """

    type: ClassVar[str] = "agent"
    fields_model: ClassVar[type[BaseModel]] = AgentFields
    rare: ClassVar[tuple[str, ...]] = ("output_schema", "max_calls", "env")
    takes_secrets: ClassVar[bool] = False
    reads_project_description: ClassVar[bool] = True
    calls_model: ClassVar[bool] = True

    @classmethod
    def output_names(cls, fields: JsonObject) -> Collection[str] | None:
        """The properties of the schema; without a schema, the text."""
        schema = fields.get("output_schema")
        if not isinstance(schema, dict):
            return ("text",)
        properties = schema.get("properties")
        return list(properties) if isinstance(properties, dict) else None

    async def run(self, context: TaskContext) -> JsonObject:
        """Hold the conversation and return its outputs.

        Raises:
            PersonAsked: the agent has a question.
            TaskFailed: `no_model`, `planner_unavailable`, or a kind that `agent_conversation.converse` lists.
        """
        fields = AgentFields.model_validate(context.fields)
        try:
            await load("activities.actions.agent_conversation")
        except Conflict as error:
            raise TaskFailed("no_model", error.info.message, retryable=False) from error
        from activities.actions.agent_conversation import converse  # noqa: PLC0415 - loaded only when a model is called

        return await converse(context, fields.prompt, fields.output_schema, fields.max_calls)


# Keywords that contain schemas by name, a list of schemas, or one schema. Everything else in a schema is data.
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items",
    "contains",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
)
_MAX_PARTS = 10_000
_DEFINITIONS = "#/$defs/"


def _follow(root: JsonObject, schema: JsonValue, sizes: dict[str, int], under: tuple[str, ...]) -> int:
    """Number of parts of a schema with all references expanded. Some models receive it in this form.

    Raises:
        ValueError: a reference leads outside the schema, nowhere or back to itself, or there are too many parts.
    """
    if not isinstance(schema, dict):
        return 1
    _check_keywords(schema)
    if "$dynamicRef" in schema or "$recursiveRef" in schema:
        raise ValueError("only $ref may be used for references")
    parts = [part for name in _BY_NAME if isinstance(named := schema.get(name), dict) for part in named.values()]
    parts += [part for name in _LISTED if isinstance(listed := schema.get(name), list) for part in listed]
    parts += [schema[name] for name in _SINGLE if name in schema]
    size = 1 + sum(_follow(root, part, sizes, under) for part in parts)
    if isinstance(reference := schema.get("$ref"), str):
        if reference in under:
            raise ValueError(f"the reference {reference} leads back to itself")
        if reference not in sizes:
            sizes[reference] = _follow(root, _target(root, reference), sizes, (*under, reference))
        size += sizes[reference]
    if size > _MAX_PARTS:
        raise ValueError("the schema is too large with its references expanded")
    return size


def _check_keywords(schema: JsonObject) -> None:
    """Refuse keywords that cannot be checked in linear time.

    Raises:
        ValueError: a pattern is not supported by RE2, or a keyword uses Python's own pattern engine.
    """
    from activities.actions.linear_schema import unknown_pattern  # noqa: PLC0415

    # The schema was checked: both keywords have the type that the standard requires.
    named = cast("JsonObject", schema.get("patternProperties", {}))
    for pattern in [*([str(schema["pattern"])] if "pattern" in schema else []), *named]:
        reason = unknown_pattern(pattern)
        if reason is not None:
            raise ValueError(f"the pattern {pattern[:200]!r} cannot be used: {reason}")
    if "unevaluatedProperties" in schema:
        raise ValueError("unevaluatedProperties is not supported; use additionalProperties next to the properties")


def _target(root: JsonObject, reference: str) -> JsonValue:
    """The target of a reference: a definition in the same schema, the only kind that the model libraries support."""
    if not reference.startswith(_DEFINITIONS):
        raise ValueError(
            f"the reference {reference[:200]} must name a definition in this schema, as {_DEFINITIONS}NAME"
        )
    target = cast("JsonObject", root.get("$defs", {})).get(reference.removeprefix(_DEFINITIONS))
    if target is None:
        raise ValueError(f"the reference {reference[:200]} leads nowhere")
    return target
