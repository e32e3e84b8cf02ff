"""`signoff notifications` lists what was sent to whom, and sends it again."""

from __future__ import annotations

import json
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from tests.conftest import eventually, running_stack
from tests.e2e.command_line import CommandLine
from tests.receiver import SECRET, receiving


async def test_a_notification_is_listed_and_replayed(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    async with receiving() as receiver:
        entry = {"name": "hook", "webhook": receiver.url, "secret": SECRET}
        async with running_stack(temporal_server, tmp_path, notify=[entry]) as stack:
            cli = CommandLine(tmp_path, {"SIGNOFF_URL": stack.url, "SIGNOFF_DATA_DIR": str(tmp_path / "client")})
            await stack.planned("- A: `true`")

            async def delivered() -> bool:
                listed = (await stack.http.get("/api/notifications")).json()["notifications"]
                return bool(listed) and listed[0]["status"] == "delivered"

            await eventually(delivered, what="it is delivered")
            shown = await cli("notifications", "list")
            assert (shown.code, "hook" in shown.out, "waiting plan" in shown.out) == (0, True, True), shown
            assert len(shown.out.splitlines()) == 1
            [row] = json.loads((await cli("notifications", "list", "--json")).out)["notifications"]
            assert json.loads((await cli("notifications", "list", "--status", "failed", "--json")).out)["total"] == 0
            again = await cli("notifications", "replay", row["id"])
            assert (again.code, row["id"] in again.out) == (0, True), again

            async def twice() -> bool:
                return receiver.ids == [row["id"]] * 2

            await eventually(twice, what="it was sent again")
            missing = await cli("notifications", "replay", "msg_none")
            assert (missing.code, "no notification msg_none" in missing.err) == (1, True), missing
