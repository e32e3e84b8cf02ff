"""The types of the API. Each module is imported on first use: building all models takes a fifth of a second."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signoff.schemas import (
        answers,
        catalogue,
        comments,
        decisions,
        event_base,
        event_data,
        events,
        files,
        filters,
        gates,
        graph,
        inbox,
        insight,
        json_value,
        notifications,
        outline,
        overview,
        passkeys,
        people,
        plans,
        policies,
        problems,
        project_event_data,
        projects,
        record,
        senders,
        session,
        signing_links,
        system,
        task_event_data,
        tasks,
        templates,
    )

__all__ = [
    "answers",
    "catalogue",
    "comments",
    "decisions",
    "event_base",
    "event_data",
    "events",
    "files",
    "filters",
    "gates",
    "graph",
    "inbox",
    "insight",
    "json_value",
    "notifications",
    "outline",
    "overview",
    "passkeys",
    "people",
    "plans",
    "policies",
    "problems",
    "project_event_data",
    "projects",
    "record",
    "senders",
    "session",
    "signing_links",
    "system",
    "task_event_data",
    "tasks",
    "templates",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
