"""kill -9 between sending a notification and recording that: it is sent again, and its receiver can tell by its id."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.database.database import Database
from app.domain.notifying import NotifyRules
from app.settings import Settings
from app.storage import events
from app.storage.notification_table import notifications
from signoff.schemas.event_data import ProjectCompleted
from tests.chaos.conftest import Processes
from tests.conftest import eventually
from tests.databases import DATABASES
from tests.receiver import SECRET, receiving


class ToldProcesses(Processes):
    """Processes with an entry that tells a receiver."""

    url = ""

    def __init__(self, folder: Path, database_url: str) -> None:
        super().__init__(folder, database_url)
        self.entry = {"name": "hook", "webhook": self.url, "secret": SECRET, "events": ["waiting", "completed"]}
        self.environment["SIGNOFF_NOTIFY"] = json.dumps([self.entry])

    async def notifications(self) -> list[dict[str, Any]]:
        answer = await self.http.get("/api/notifications")
        assert answer.status_code == 200, answer.text
        return answer.json()["notifications"]

    async def tell(self, project_id: str, count: int) -> None:
        """Record this many events to tell in one transaction, so that they are one batch."""
        rules = NotifyRules(Settings.model_validate({"notify": [self.entry]}).notify)
        database = Database(self.settings.effective_database_url, notify=rules)
        await database.start()
        try:
            news = [ProjectCompleted(tasks={}) for _ in range(count)]
            await database.transact(lambda conn: events.append(conn, project_id, *news, actor="signoff"))
            query = select(notifications.c.batch_id).where(notifications.c.project_id == project_id)

            async def batched() -> bool:
                batches = await database.read(lambda conn: conn.execute(query).scalars().all())
                return len(batches) == count and len(set(batches)) == 1 and None not in batches

            await eventually(batched, what="they are in one batch", seconds=60)
        finally:
            await database.close()


async def test_a_worker_killed_after_sending_sends_the_same_again(tmp_path: Path) -> None:
    async with receiving() as receiver:
        ToldProcesses.url = receiver.url
        receiver.hold = asyncio.Event()
        async with ToldProcesses.running(tmp_path, database_url=DATABASES.setting()) as processes:
            project = await processes.call("POST", "", status=201, json={"description": "- A: `true`"})
            await processes.call("POST", f"/{project['id']}/generate-plan", headers={"Prefer": "wait=60"})

            async def arrived() -> bool:
                return len(receiver.taken) == 1

            await eventually(arrived, what="the receiver has the message", seconds=60)
            processes.kill("worker")
            receiver.hold.set()
            receiver.hold = None
            [row] = await processes.notifications()
            assert (row["status"], row["attempts"]) == ("pending", 1)
            processes.start("worker")

            async def delivered() -> bool:
                return (await processes.notifications())[0]["status"] == "delivered"

            await eventually(delivered, what="it is delivered", seconds=90)
            [row] = await processes.notifications()
            assert receiver.ids == [row["id"]] * 2
            assert receiver.taken[0] == receiver.taken[1]
            assert row["attempts"] == 2


async def test_a_worker_killed_in_the_middle_of_a_batch_repeats_only_what_was_not_recorded(tmp_path: Path) -> None:
    async with receiving() as receiver:
        ToldProcesses.url = receiver.url
        receiver.hold = asyncio.Event()
        # The first event says that the project was made. Three are answered at once, and three are held back.
        told, receiver.holds = [2, 3, 4, 5, 6, 7], {5, 6, 7}
        async with ToldProcesses.running(tmp_path, database_url=DATABASES.setting()) as processes:
            project = await processes.call("POST", "", status=201, json={"description": "- A: `true`"})
            await processes.tell(project["id"], len(told))

            async def half_recorded() -> bool:
                found = Counter(row["status"] for row in await processes.notifications())
                return len(receiver.taken) == 6 and found == {"delivered": 3, "pending": 3}

            await eventually(half_recorded, what="half of the batch is recorded", seconds=60)
            processes.kill("worker")
            receiver.hold.set()
            receiver.hold = None
            processes.start("worker")

            async def delivered() -> bool:
                return {row["status"] for row in await processes.notifications()} == {"delivered"}

            await eventually(delivered, what="all are delivered", seconds=90)
            sent = Counter(message["data"]["seq"] for _, message in receiver.taken)
            assert sent == {number: 2 if number in receiver.holds else 1 for number in told}
            # What was sent again is the same message with the same id.
            assert len({json.dumps(each) for each in receiver.taken}) == len(set(receiver.ids)) == len(told)
