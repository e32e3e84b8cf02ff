"""Readings of a request body that save its sender a failure: other names of fields, and empty values for "not set"."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from signoff.schemas.json_value import JsonObject

# Phases and projects have a `name`, so many callers send one for a task.
TASK_NAMES: Mapping[str, str] = {"name": "title"}
# `generate-plan` takes `instructions`, so many callers send them to `refine-plan` as well.
REFINE_NAMES: Mapping[str, str] = {"instructions": "message"}
_TASK_EDITS = frozenset({"add_task", "update_task"})


def with_own_names(value: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """The object with its fields under their own names.

    Args:
        value: a JSON object.
        names: other names of fields, each with the field's own name. If both were sent, the other one stays, and is refused
            later as an unknown field.
    """
    return {names[name] if name in names and names[name] not in value else name: item for name, item in value.items()}


def edits_with_own_names(edits: list[JsonObject]) -> list[JsonObject]:
    """Edits of a plan with the fields of tasks under their own names."""
    return [with_own_names(item, TASK_NAMES) if item.get("op") in _TASK_EDITS else item for item in edits]


def without_empty(value: JsonObject, optional: Collection[str]) -> JsonObject:
    """The object without optional fields whose value is null or an empty text, so that they get their defaults.

    Clients with typed models send null for what is not set, and forms send an empty text.
    """
    return {name: item for name, item in value.items() if name not in optional or (item is not None and item != "")}
