"""Events, as streams send them."""

from __future__ import annotations

from typing import Any, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from signoff.schemas.event_data import EventData
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import ProjectStatus, Stage


class LiveEvent(BaseModel):
    """An event of any project, with the project's current status and stage; both are null if it was deleted."""

    model_config = ConfigDict(from_attributes=True)

    project_id: str
    type: str
    seq: int
    status: ProjectStatus | None
    stage: Stage | None


class Event(BaseModel):
    """One entry of a project's record, as clients receive it. `data` is as it was stored; `payload` is its typed form.

    `actor` is the name of whoever caused it, as it was then; `actor_id` never changes. `via` says how they were known (`key`,
    `session` or `loopback`), `address` from where, and `session_id` in which browser session. All four are null for Signoff
    itself, and in older events.
    """

    seq: int
    type: str
    project_id: str
    at: str
    actor: str
    data: JsonObject
    actor_id: str | None = None
    via: str | None = None
    address: str | None = None
    session_id: str | None = None

    @property
    def payload(self) -> EventData | None:
        """The data, typed by the event's type. None if this version does not know the type.

        A field that is not valid counts as absent. A required field that is absent is empty.
        """
        return read_data(self.type, self.data)


def _below(model: type[EventData]) -> list[type[EventData]]:
    return [kind for child in model.__subclasses__() for kind in (child, *_below(child))]


# The model of each type's data.
MODELS: dict[str, type[EventData]] = {model.type: model for model in _below(EventData) if "type" in vars(model)}


def read_data(kind: str, data: JsonObject) -> EventData | None:
    """Return the typed data of an event, as `Event.payload` describes it."""
    model = MODELS.get(kind)
    if model is None:
        return None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors(include_url=False, include_input=False)}
    empty = {name: _empty(field.annotation) for name, field in model.model_fields.items() if field.is_required()}
    return model.model_construct(None, **(empty | {name: value for name, value in data.items() if name not in wrong}))


def _empty(annotation: Any) -> Any:
    return (get_origin(annotation) or annotation)()
