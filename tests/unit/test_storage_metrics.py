"""How long a project waited for people, computed from its events."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from app.database.database import Database
from app.storage import events, metrics, projects
from signoff.schemas.events import MODELS
from signoff.vocabulary import EventType
from tests.unit.conftest import new_project

READY, MAKING, FAILED, APPROVED = (
    EventType.PLAN_READY,
    EventType.PLAN_GENERATING,
    EventType.PLAN_FAILED,
    EventType.PLAN_APPROVED,
)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ([(0, READY), (7, APPROVED)], 7),
        # An edit makes a version that is ready at once, so the wait continues.
        ([(0, READY), (4, READY), (7, APPROVED)], 7),
        # The plan was sent back. While a planner works, the project waits for the planner.
        ([(0, READY), (2, MAKING), (5, READY), (6, APPROVED)], 3),
        ([(0, READY), (2, MAKING), (5, FAILED), (6, APPROVED)], 3),
        ([(0, MAKING), (3, FAILED), (4, MAKING), (5, READY), (7, APPROVED)], 2),
        ([(0, READY), (1, APPROVED), (2, MAKING), (4, FAILED), (9, EventType.PROJECT_COMPLETED)], 1),
    ],
)
async def test_people_are_waited_for_while_a_plan_is_ready(
    database: Database, told: list[tuple[int, EventType]], seconds: int
) -> None:
    def measured(conn: Connection) -> int:
        project_id = new_project(conn)
        for second, kind in told:
            events.append(
                conn,
                project_id,
                MODELS[kind].model_construct(),
                actor="somebody",
                at=f"2026-01-01T00:00:0{second}.000Z",
            )
        return metrics.awaiting_approval_ms(conn, projects.get(conn, project_id), metrics.Until())

    assert await database.transact(measured) == seconds * 1000
