"""Which role may do what: every operation of the API is tried as every role, and as a key that is no longer valid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import update

from app.api.http.permission import EVERYWHERE, scopes_of
from app.domain.people import SCOPES
from app.main import create_app
from app.storage.people_tables import credentials
from signoff.vocabulary import Role, Scope
from tests.api.answers import check_error
from tests.conftest import Stack, running_stack

SERVER_KEY = "a key of 32 characters or a few more"
ADMIN = {"Authorization": f"Bearer {SERVER_KEY}"}
OUTLINE = "- Ship it? {#ship decision=yes,no}\n"
# Only these may be called by anybody. What is new here must not show or change anything.
OPEN = {
    ("GET", "/"),
    ("GET", "/assets/{name}"),
    ("GET", "/docs"),
    ("GET", "/docs/{rest}"),
    ("GET", "/favicon.svg"),
    ("GET", "/health"),
    ("GET", "/inbox"),
    ("GET", "/new"),
    ("GET", "/overview"),
    ("GET", "/projects/{rest}"),
    ("GET", "/ready"),
    ("GET", "/sign"),
    ("GET", "/settings/{rest}"),
    ("GET", "/api/session"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("GET", "/api/session/oidc"),
    ("GET", "/api/session/oidc/callback"),
}


class Case:
    """One operation of the API."""

    def __init__(self, method: str, path: str, scopes: tuple[Scope, ...], *, everywhere: bool) -> None:
        self.method, self.path, self.scopes, self.everywhere = method, path, scopes, everywhere

    @property
    def of_project(self) -> bool:
        return "{project_id}" in self.path

    def allows(self, role: Role) -> bool:
        """Whether somebody with this role, for all projects, may call it."""
        return Scope.SELF in self.scopes or not SCOPES[role].isdisjoint(self.scopes)


def all_cases(stack: Stack) -> Iterator[Case]:
    app = create_app(stack.settings)
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            path = route.path_format.removesuffix("/") or "/"
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                everywhere = bool(handler.opt.get(EVERYWHERE))
                yield Case(method, path, scopes_of(handler), everywhere=everywhere)


@pytest.fixture(scope="module")
async def locked(temporal_server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("roles")
    async with running_stack(temporal_server, folder, worker=False, api_key=SERVER_KEY) as stack:
        stack.http.headers.update(ADMIN)
        yield stack


async def key_for(stack: Stack, name: str, *roles: dict[str, Any]) -> dict[str, Any]:
    answer = await stack.http.post("/api/keys", json={"name": name, "roles": list(roles)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def call(stack: Stack, case: Case, project_id: str, headers: dict[str, str]) -> httpx.Response:
    """Call an operation with a body that is not valid, so that it changes nothing if the sender may call it."""
    path = case.path.replace("{project_id}", project_id)
    for name in (
        "task_id",
        "decision_id",
        "session_id",
        "person_id",
        "key_id",
        "passkey_id",
        "filter_id",
        "name",
        "rest",
    ):
        path = path.replace(f"{{{name}}}", "nothing")
    path += "?follow=false" if path.endswith(f"{project_id}/events") else ""
    path += "?path=nothing" if path.endswith("/files/raw") else ""
    body = {"no_such_field": 1} if case.method in {"POST", "PUT"} else None
    async with stack.http.stream(case.method, path, json=body, headers=headers) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            await answer.aread()
        return answer


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] in {"role_needed", "link_needed"}


async def test_every_operation_says_which_scope_it_needs(locked: Stack) -> None:
    cases = list(all_cases(locked))
    assert [(case.method, case.path) for case in cases if not case.scopes] == []
    is_open = {(case.method, case.path) for case in cases if Scope.ANYBODY in case.scopes}
    assert {each for each in is_open if not each[1].startswith("/schema")} == OPEN
    assert len(cases) > 60


async def test_nobody_has_to_sign_in_to_open_a_page(locked: Stack) -> None:
    pages = [path for method, path in OPEN if method == "GET" and not path.startswith("/api")]
    async with httpx.AsyncClient(base_url=locked.url, timeout=90) as anybody:
        answers = {path: await anybody.get(path.replace("{rest}", "x").replace("{name}", "x")) for path in pages}
    assert [path for path, answer in answers.items() if answer.status_code in {401, 403}] == []


@pytest.mark.parametrize("role", list(Role))
async def test_every_operation_is_allowed_to_exactly_its_roles(locked: Stack, role: Role) -> None:
    project_id = await locked.create(OUTLINE)
    key = bearer((await key_for(locked, f"all as {role}", {"role": role}))["key"])
    wrong: list[str] = []
    for case in all_cases(locked):
        if Scope.ANYBODY in case.scopes or not case.scopes:
            continue
        if (case.method, case.path) == ("DELETE", "/api/projects/{project_id}") and case.allows(role):
            continue  # it would succeed
        answer = await call(locked, case, project_id, key)
        if is_refused(answer) == case.allows(role) or answer.status_code in {401, 500}:
            wrong.append(f"{role}: {case.method} {case.path}: {answer.status_code}")
    assert wrong == []


async def test_a_role_of_another_label_sees_nothing_of_a_project(locked: Stack) -> None:
    project_id = await locked.create(OUTLINE, labels=["payments"])
    roles = [{"role": role, "labels": ["reports"]} for role in Role if role is not Role.ADMIN]
    key = bearer((await key_for(locked, "of reports", *roles))["key"])
    wrong: list[str] = []
    for case in all_cases(locked):
        if case.of_project and Scope.ANYBODY not in case.scopes:
            answer = await call(locked, case, project_id, key)
            missing = await call(locked, case, "proj_01m85rmr1efqa063eq9hm91agg", key)
            if (answer.status_code, missing.status_code) != (404, 404):
                wrong.append(f"{case.method} {case.path}: {answer.status_code}, {missing.status_code}")
            elif answer.json()["message"].replace(project_id, "") != missing.json()["message"].replace(
                "proj_01m85rmr1efqa063eq9hm91agg", ""
            ):
                wrong.append(f"{case.method} {case.path} tells that the project exists")
        elif case.everywhere:
            answer = await call(locked, case, project_id, key)
            if not is_refused(answer):
                wrong.append(f"{case.method} {case.path}: {answer.status_code}")
    assert wrong == []


@pytest.mark.parametrize("ended", ["revoked", "expired", "rotated", "unknown"])
async def test_a_key_that_has_ended_may_do_nothing(locked: Stack, ended: str) -> None:
    project_id = await locked.create(OUTLINE)
    made = await key_for(locked, f"ends as {ended}", {"role": "admin"})
    key = made["key"]
    assert (await locked.http.get("/api/me", headers=bearer(key))).json()["name"] == f"ends as {ended}"
    if ended == "revoked":
        assert (await locked.http.delete(f"/api/keys/{made['id']}")).json()["revoked"] is True
    elif ended == "rotated":
        await locked.http.post(f"/api/keys/{made['id']}/rotate")
    elif ended == "expired":
        past = {"expires_at": "2020-01-01T00:00:00.000Z"}
        row = update(credentials).where(credentials.c.identity_id == made["id"]).values(**past)
        await locked.database.transact(lambda conn: conn.execute(row))
    else:
        key = key[:-1] + ("A" if key[-1] != "A" else "B")
    for case in all_cases(locked):
        if case.path.startswith("/api") and Scope.ANYBODY not in case.scopes:
            answer = await locked.http.request(
                case.method, case.path.replace("{project_id}", project_id), headers=bearer(key)
            )
            assert (answer.status_code, check_error(answer)["code"]) == (401, "key_ended")
            break
    reads = ["/api/projects", f"/api/projects/{project_id}", "/api/people", "/api/me", "/metrics"]
    assert {(await locked.http.get(path, headers=bearer(key))).status_code for path in reads} == {401}


async def test_without_the_servers_key_a_key_that_has_ended_is_not_the_owner(signoff: Stack) -> None:
    made = await key_for(signoff, "once the owner's", {"role": "viewer"})
    assert (await signoff.http.get("/api/me", headers=bearer(made["key"]))).json()["id"] == made["id"]
    await signoff.http.delete(f"/api/keys/{made['id']}")
    answer = await signoff.http.get("/api/me", headers=bearer(made["key"]))
    assert (answer.status_code, check_error(answer)["code"]) == (401, "key_ended")
