"""People who sign in over HTTP, for tests of who must approve."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.conftest import Stack

SERVER_KEY = "a key of 32 characters or a few more"
PASSWORD = "correct horse battery"


@dataclass
class Signer:
    """A person who is signed in."""

    id: str
    name: str
    http: httpx.AsyncClient
    stack: Stack

    async def call(self, method: str, path: str, *, status: int = 200, **values: Any) -> Any:
        """Send a request about projects, and return the answer."""
        answer = await self.http.request(method, f"/api/projects{path}", **values)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def planned(self, description: str, *, by_workflow: bool | None = None, **fields: Any) -> str:
        """Create a project with a plan that waits for approval, and return its id. `by_workflow` is as in `Stack.planned`."""
        made = await self.call("POST", "", status=201, json={"description": description, **fields})
        self.stack.choose_planning(made["id"], by_workflow=by_workflow, **fields)
        await self.call("POST", f"/{made['id']}/generate-plan", headers={"Prefer": "wait=60"})
        return made["id"]


@contextlib.asynccontextmanager
async def people_of(stack: Stack, **roles: list[str]) -> AsyncGenerator[dict[str, Signer]]:
    """Add people with these roles by name, and sign them in."""
    found: dict[str, Signer] = {}
    async with contextlib.AsyncExitStack() as clients:
        for name, held in roles.items():
            body = {"name": name, "roles": [{"role": role} for role in held], "password": PASSWORD}
            added = await stack.http.post("/api/people", json=body)
            assert added.status_code == 201, added.text
            http = await clients.enter_async_context(httpx.AsyncClient(base_url=stack.url, timeout=90))
            signed_in = await http.post("/api/session", json={"name": name, "password": PASSWORD})
            assert signed_in.status_code == 200, signed_in.text
            found[name] = Signer(added.json()["id"], name, http, stack)
        yield found
