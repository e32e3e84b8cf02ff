"""The page about the events of the record."""

from __future__ import annotations

from docs.reference.tables import first_paragraph, table
from signoff.schemas.events import MODELS, Event
from signoff.vocabulary import EventType


def page() -> str:
    """Every type of event with its fields."""
    parts = [
        "# Events",
        "Each change of a project is an event of its record. `GET /api/projects/{id}/events` sends them, and `signoff projects "
        "events` prints them. " + first_paragraph((Event.__doc__ or "").split("\n", 1)[0]),
    ]
    for kind in EventType:
        model = MODELS[kind]
        parts += [f"## `{kind.value}`", first_paragraph(model.__doc__)]
        rows = [
            (
                f"`{info.serialization_alias or name}`",
                "always" if info.is_required() else "sometimes",
                info.description or "",
            )
            for name, info in model.model_fields.items()
        ]
        if rows:
            parts.append(table(("Field", "Present", "Meaning"), rows))
    return "\n\n".join(parts) + "\n"
