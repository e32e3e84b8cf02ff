"""A full disk under the database: the app says so to load balancers, and to whoever reads a project that it stops."""

from __future__ import annotations

import pytest

from app.database import sqlite
from tests.conftest import Stack


@pytest.mark.usefixtures("sqlite_only")
async def test_a_full_disk_is_named_until_there_is_room_again(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = await signoff.started("- Wait: `sleep 300` {#wait}\n")
    answer = await signoff.http.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (200, "ok")
    with monkeypatch.context() as patch:
        # No disk has this much room.
        patch.setattr(sqlite, "MIN_ROOM", 1 << 62)
        answer = await signoff.http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert answer.json()["checks"]["database"] == "The disk of the database is full. Make room on it."
        blocked = (await signoff.project(project_id))["blocked"]
        assert blocked["code"] == "disk_full"
        assert "The disk of the database is full" in blocked["message"]
    answer = await signoff.http.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (200, "ok")
    assert (await signoff.project(project_id))["blocked"] is None
    await signoff.call("POST", f"/{project_id}/cancel")
