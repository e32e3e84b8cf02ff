"""JSON whose shape is not known in advance, such as the outputs of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    # An object that is only read or passed on. A `TypedDict` fits.
    JsonMapping = Mapping[str, object]
else:
    # As fields, these types would make pydantic check and copy every value inside them. Here, values stay as they are.
    JsonValue = Any
    JsonMapping = dict[str, Any]

# An object whose members have any values.
JsonObject = dict[str, JsonValue]

__all__ = ["JsonMapping", "JsonObject", "JsonValue"]
