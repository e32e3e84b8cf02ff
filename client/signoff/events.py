"""The types of events, to tell them apart by `event.payload`.

from signoff.events import DecisionRequested, TaskFailed

for event in client.projects.events(project.id):
    match event.payload:
        case DecisionRequested(question_id=question):
            client.decisions.answer(project.id, question, "yes")
        case TaskFailed(error=error):
            print(error)
"""

from __future__ import annotations

from signoff.schemas import event_data
from signoff.schemas.event_data import *  # noqa: F403
from signoff.schemas.events import MODELS, Event, LiveEvent

__all__ = ["MODELS", "Event", "LiveEvent", *event_data.__all__]  # noqa: PLE0604
