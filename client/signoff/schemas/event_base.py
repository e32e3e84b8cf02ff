"""The base of all events' data."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.vocabulary import EventType


class EventData(BaseModel):
    """The data of an event. Fields that this version does not know are kept.

    An optional field may be absent or null. Events of older versions lack some optional fields.
    """

    # Most processes need few of these models, so each is built when it is first used.
    model_config = ConfigDict(extra="allow", frozen=True, strict=True, defer_build=True)

    type: ClassVar[EventType]
    _given: JsonObject = {}

    def __init__(self, /, **fields: JsonValue) -> None:
        super().__init__(**fields)
        self._given = fields

    def stored(self) -> JsonObject:
        """The data as JSON, with exactly the fields that were given, in that order."""
        known = type(self).model_fields
        return {
            (known[name].serialization_alias if name in known else None) or name: v for name, v in self._given.items()
        }


class OfDecision(EventData):
    """Data that may name the decision that caused the event. The hash covers all of the decision."""

    decision_id: str | None = None
    decision_hash: str | None = None
