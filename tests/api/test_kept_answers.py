"""Answers that an app keeps are right whichever process has written meanwhile."""

from __future__ import annotations

from typing import Any

import httpx

from tests.app_process import app_process
from tests.conftest import Stack


async def test_what_one_app_writes_the_next_read_of_the_other_has(signoff: Stack) -> None:
    async with app_process(signoff.settings) as second:
        apps = [signoff.http, second.http]
        project_id = await signoff.create(name="kept answers 0")
        one = f"/api/projects/{project_id}"

        async def read(client: httpx.AsyncClient, path: str) -> Any:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            return answer.json()

        for number in range(1, 21):
            writer, reader = apps[number % 2], apps[(number + 1) % 2]
            # Both have each answer, and keep it.
            for client in apps:
                await read(client, one)
                await read(client, "/api/projects?search=kept+answers")
            name = f"kept answers {number}"
            assert (await writer.put(one, json={"name": name})).status_code == 200
            for client in (reader, writer):
                assert (await read(client, one))["name"] == name
                listed = (await read(client, "/api/projects?search=kept+answers"))["projects"]
                assert [row["name"] for row in listed] == [name]
        for number in range(1, 6):
            writer, reader = apps[number % 2], apps[(number + 1) % 2]
            answer = await writer.post(f"{one}/tasks", json={"title": f"Step {number}", "action": {"type": "manual"}})
            assert answer.status_code == 201, answer.text
            for client in (reader, writer):
                assert len((await read(client, f"{one}/tasks"))["tasks"]) == number
                assert len((await read(client, one))["tasks"]) == number
                assert sum(len(phase["tasks"]) for phase in (await read(client, f"{one}/plan"))["phases"]) == number
                assert len((await read(client, f"{one}/dag"))["nodes"]) == number
                assert (await read(client, f"{one}/metrics"))["tasks"]["total"] == number
        assert (await second.http.delete(one)).status_code == 200
        for client in apps:
            for path in (one, f"{one}/tasks", f"{one}/plan", f"{one}/dag", f"{one}/metrics"):
                assert (await client.get(path)).status_code == 404
            assert (await read(client, "/api/projects?search=kept+answers"))["projects"] == []


async def test_a_reader_gets_what_their_own_roles_allow(signoff: Stack) -> None:
    project_id = await signoff.create(name="kept for whom")
    made = await signoff.http.post("/api/keys", json={"name": "kept reader", "roles": [{"role": "viewer"}]})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    for _ in range(2):
        own = (await signoff.http.get(f"/api/projects/{project_id}")).json()
        theirs = (await signoff.http.get(f"/api/projects/{project_id}", headers=headers)).json()
        assert theirs["may"] == ["read"]
        assert set(theirs["may"]) < set(own["may"])
