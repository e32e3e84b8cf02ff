"""What a call of the API costs beside a bare Litestar handler that answers with the same bytes.

`python -m benchmarks.http [--projects 500] [--calls 200] [--tasks 20] [--profile NAME]`

Signoff's app and a bare one run in this process, on an SQLite file, without sockets, and are called in turn. Prints the
milliseconds of processor time of each call, of all threads, and the ratio. There is no Temporal: the calls read what is recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from litestar import Litestar, Response, get
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPRequestEvent, Message
from sqlalchemy import Connection, create_engine, update

from app.api.http.bodies import CreateProject
from app.commands import plan_edits
from app.database.url import sqlite_path
from app.domain.edits import parse_edits
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.domain.states import Call
from app.main import create_app
from app.settings import Settings
from app.storage import events
from app.storage import projects as storage
from app.storage.migrate import migrate
from app.storage.tables import plans
from app.storage.tables import projects as table
from signoff.schemas.event_data import ProjectCompleted

KEY = "a-key-for-the-benchmark-alone-0123456789"
Answer = tuple[int, bytes]


async def call(app: ASGIApp, method: str, target: str, body: bytes = b"") -> Answer:
    """Send one request to an app in this process. Returns status and body."""
    path, _, query = target.partition("?")
    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {KEY}".encode()), (b"accept", b"*/*")]
    if body:
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8080),
        "state": {},
        "extensions": {},
    }
    parts, status, sent = list[bytes](), 0, False

    async def receive() -> HTTPReceiveMessage:
        nonlocal sent
        if not sent:
            sent = True
            return HTTPRequestEvent(type="http.request", body=body, more_body=False)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message["body"])  # type: ignore[typeddict-item]

    await app(scope, receive, send)
    if status >= HTTPStatus.BAD_REQUEST:
        raise SystemExit(f"{method} {target}: {status} {b''.join(parts).decode()}")
    return status, b"".join(parts)


def bare(answers: dict[str, bytes]) -> Litestar:
    """An app that does nothing but send the same bytes."""

    @get("/{name:str}")
    async def same(name: str) -> Response[bytes]:
        return Response(answers[name], media_type="application/json")

    return Litestar([same], logging_config=None, openapi_config=None)


def fill(conn: Connection, projects: int, tasks: int) -> str:
    """Create projects, the last of them with a plan whose run is over. Returns its id."""
    project_id = ""
    for number in range(projects):
        project_id = new_id("proj")
        fields = CreateProject(name=f"Report {number}", description="Words").model_dump()
        values = cast("storage.NewProject", {**fields, "id": project_id, "workspace": f"/nowhere/{number}"})
        storage.create(conn, values, actor="ann")
    steps = [
        {"op": "add_task", "title": f"Step {step}", "action": {"type": "shell", "command": "true"}}
        for step in range(tasks)
    ]
    plan_edits.edit_plan(conn, project_id, parse_edits(steps), load_actions(), actor="ann", call=Call.EDIT_PLAN)
    events.append(conn, project_id, ProjectCompleted(tasks={"completed": tasks}), actor="ann")
    conn.execute(update(table).where(table.c.id == project_id).values(status="completed", stage="finished"))
    conn.execute(update(plans).where(plans.c.project_id == project_id).values(status="approved"))
    return project_id


async def measure(app: ASGIApp, method: str, target: str, calls: int, body: bytes = b"") -> float:
    """Return the milliseconds of processor time of one call."""
    begun = time.process_time()
    for _ in range(calls):
        await call(app, method, target, body)
    return 1_000 * (time.process_time() - begun) / calls


async def compare(app: Litestar, project_id: str, options: argparse.Namespace) -> None:
    """Measure each call on both apps, in turn."""
    one = f"/api/projects/{project_id}"
    wanted = {
        "health": "/health",
        "list of 20": "/api/projects",
        "list, search": "/api/projects?search=report+17",
        "project": one,
        "tasks": f"{one}/tasks",
        "plan": f"{one}/plan",
        "dag": f"{one}/dag",
        "metrics": f"{one}/metrics",
    }
    answers = {name.replace(" ", "-"): (await call(app, "GET", target))[1] for name, target in wanted.items()}
    answers["create"] = answers["project"]
    plain = bare(answers)
    body = json.dumps({"name": "New", "description": "Words"}).encode()
    print(f"{options.projects} projects, {options.tasks} tasks, {options.calls} calls each")
    print(f"{'call':14}{'bytes':>9}{'Signoff':>12}{'bare':>10}{'factor':>9}")
    for name, target in [*wanted.items(), ("create", "/api/projects")]:
        same, took = f"/{name.replace(' ', '-')}", list[tuple[float, float]]()
        method, sent = ("POST", body) if name == "create" else ("GET", b"")
        for _ in range(3):
            ours = await measure(app, method, target, options.calls // 3 + 1, sent)
            took.append((ours, await measure(plain, "GET", same, options.calls // 3 + 1)))
        ours, theirs = (min(times) for times in zip(*took, strict=True))
        size = len(answers[name.replace(" ", "-")])
        print(f"{name:14}{size:9}{ours:9.3f} ms{theirs:7.3f} ms{ours / theirs:9.1f}", flush=True)
    if options.profile:
        profile = cProfile.Profile()
        # SQLite's readers are threads, whose work a profile of this one does not have: read here instead.
        profile.enable()
        await measure(app, "GET", wanted[options.profile], options.calls)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


async def run(options: argparse.Namespace) -> None:
    """Serve both apps from a folder of this run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), api_key=KEY, temporal_address="127.0.0.1:1", log_level="error")  # type: ignore[arg-type]
        migrate(settings.effective_database_url)
        engine = create_engine(f"sqlite:///{sqlite_path(settings.effective_database_url)}")
        with engine.begin() as conn:
            project_id = fill(conn, options.projects, options.tasks)
        engine.dispose()
        app = create_app(settings)
        async with app.lifespan():
            await compare(app, project_id, options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=500)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--profile", metavar="NAME", help="profile one call as well, such as project")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
