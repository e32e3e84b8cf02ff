"""kill -9 between sending a notification and recording that: it is sent again, and its receiver can tell by its id."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.chaos.conftest import Processes
from tests.conftest import eventually
from tests.databases import DATABASES
from tests.receiver import SECRET, receiving


class ToldProcesses(Processes):
    """Processes with an entry that tells a receiver."""

    url = ""

    def __init__(self, folder: Path, database_url: str) -> None:
        super().__init__(folder, database_url)
        entry = {"name": "hook", "webhook": self.url, "secret": SECRET, "events": ["waiting"]}
        self.environment["SIGNOFF_NOTIFY"] = json.dumps([entry])

    async def notifications(self) -> list[dict[str, Any]]:
        answer = await self.http.get("/api/notifications")
        assert answer.status_code == 200, answer.text
        return answer.json()["notifications"]


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
