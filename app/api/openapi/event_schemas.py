"""The schemas of events: one for each type, which names the fields of its data."""

from __future__ import annotations

from app.api.openapi.json_document import Json
from signoff.schemas.event_data import EventData
from signoff.schemas.events import MODELS, Event
from signoff.vocabulary import EventType

_PREFIX = "#/components/schemas/"


def event_schemas() -> dict[str, Json]:
    """`Event` and the schemas that it refers to, by name."""
    names = {str(kind): f"{MODELS[kind].__name__}Event" for kind in EventType}
    found = {name: _schema(kind, MODELS[kind]) for kind, name in names.items()}
    references = {kind: _PREFIX + name for kind, name in names.items()}
    found["Event"] = {
        "description": "One entry of a project's record. Its type says which fields its data has.",
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "type", "mapping": references},
    }
    return found


def _schema(kind: str, model: type[EventData]) -> Json:
    schema = Event.model_json_schema()
    del schema["description"], schema["title"]
    data = model.model_json_schema()
    for field in data.get("properties", {}).values():
        # An absent field stays absent: nothing fills in the default of an event.
        field.pop("default", None)
    schema["properties"] |= {"type": {"const": kind, "type": "string"}, "data": data}
    return schema
