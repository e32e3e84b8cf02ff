"""The `agent` action: a model with tools, bound to the workspace."""

from __future__ import annotations

import json
from typing import Any, ClassVar, cast

from pydantic import BaseModel, Field, field_validator

from activities.actions.linear_schema import MAX_SCHEMA_DEPTH, fault_of, is_shallow, unknown_pattern
from app.domain.actions import Action, Fields, TaskContext, TaskFailed
from app.domain.errors import Conflict
from app.models.access import load

MAX_CALLS = 30
MAX_SCHEMA_LENGTH = 100_000


class AgentFields(Fields):
    """What the agent is to do, and in which shape it answers."""

    prompt: str = Field(min_length=1, max_length=50_000, description="The task, in words.")
    output_schema: dict[str, Any] | None = Field(
        default=None, description="JSON schema (draft 2020-12) of an object; its properties become the outputs."
    )
    max_calls: int = Field(default=MAX_CALLS, ge=1, le=500, description="How often the model may be asked.")

    @field_validator("output_schema")
    @classmethod
    def _schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is None:
            return None
        if not is_shallow(value):
            raise ValueError(f"the schema is nested more than {MAX_SCHEMA_DEPTH} levels deep")
        if len(json.dumps(value)) > MAX_SCHEMA_LENGTH:
            raise ValueError(f"the schema has more than {MAX_SCHEMA_LENGTH} characters")
        fault = fault_of(value)
        if fault is not None:
            raise ValueError(f"this is not a JSON schema: {fault}")
        _follow(value, value, {}, ())
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


# What holds schemas by name, a list of schemas, or one; everything else in a schema is data.
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items", "contains", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "propertyNames", "not", "if",
    "then", "else", "contentSchema",
)  # fmt: skip
_MAX_PARTS = 10_000
_DEFINITIONS = "#/$defs/"


def _follow(root: dict[str, Any], schema: Any, sizes: dict[str, int], under: tuple[str, ...]) -> int:
    """How many parts a schema has once its references are written out, which is how some models get it.

    Raises:
        ValueError: a reference leads out of the schema, nowhere or back to itself, or there are too many parts.
    """
    if not isinstance(schema, dict):
        return 1
    known = cast("dict[str, Any]", schema)
    _check_keywords(known)
    if "$dynamicRef" in known or "$recursiveRef" in known:
        raise ValueError("references are made with $ref alone")
    parts = [part for name in _BY_NAME if isinstance(known.get(name), dict) for part in known[name].values()]
    parts += [part for name in _LISTED if isinstance(known.get(name), list) for part in known[name]]
    parts += [known[name] for name in _SINGLE if name in known]
    size = 1 + sum(_follow(root, part, sizes, under) for part in parts)
    if isinstance(reference := known.get("$ref"), str):
        if reference in under:
            raise ValueError(f"the reference {reference} leads back to itself")
        if reference not in sizes:
            sizes[reference] = _follow(root, _target(root, reference), sizes, (*under, reference))
        size += sizes[reference]
    if size > _MAX_PARTS:
        raise ValueError("the schema is too large with its references written out")
    return size


def _check_keywords(schema: dict[str, Any]) -> None:
    """Refuse what cannot be checked in time that grows with the size alone.

    Raises:
        ValueError: a pattern that RE2 does not know, or a keyword that matches patterns by Python's own engine.
    """
    for pattern in [schema[name] for name in ("pattern",) if name in schema] + list(
        schema.get("patternProperties", {})
    ):
        reason = unknown_pattern(pattern)
        if reason is not None:
            raise ValueError(f"the pattern {pattern[:200]!r} cannot be used: {reason}")
    if "unevaluatedProperties" in schema:
        raise ValueError(
            "unevaluatedProperties cannot be used; say additionalProperties where the properties are named"
        )


def _target(root: dict[str, Any], reference: str) -> Any:
    """What a reference means: one of the schema's own definitions, which is what the libraries that ask models know of."""
    if not reference.startswith(_DEFINITIONS):
        raise ValueError(f"the reference {reference[:200]} is none to a definition of this schema: {_DEFINITIONS}NAME")
    found = root.get("$defs", {}).get(reference.removeprefix(_DEFINITIONS))
    if found is None:
        raise ValueError(f"the reference {reference[:200]} leads nowhere")
    return found
