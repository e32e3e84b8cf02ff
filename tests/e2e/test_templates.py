"""Every built-in template runs to its end on the whole stack."""

from __future__ import annotations

import contextlib
import csv
import functools
import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack, free_port
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "app/planning/templates"
TEMPLATES = {path.stem: path.read_text() for path in sorted(GALLERY.glob("*.md"))}
TLS = ROOT / "tests/activities/tls"
VERSIONS = {"alpha": "2.0", "beta": "1.1"}
# What a person answers if it is not the first answer.
ANSWERS = {"severity": "major", "feedback": "It went well."}


class Site(http.server.BaseHTTPRequestHandler):
    """A web page, and a package index."""

    def do_GET(self) -> None:
        name = self.path.removeprefix("/pypi/").removesuffix("/json")
        page = json.dumps({"info": {"version": VERSIONS[name]}}) if name in VERSIONS else "<h1>Hello</h1>"
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *args: object, **_: object) -> None:
        """Stay silent."""


@contextlib.contextmanager
def site(*, tls: bool = False) -> Generator[int]:
    """Serve the site. Yields its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(signoff: Stack) -> Path:
    """A repository with everything that a template reads by default."""
    made = signoff.root / f"templates-{free_port()}"
    made.mkdir()
    (made / "Makefile").write_text("test:\n\t@true\n")
    (made / "CHANGELOG.md").write_text("# 1.4.0\n")
    (made / "requirements.txt").write_text("# ours\nalpha==1.0\nbeta[more] == 1.1  # pinned\ngamma>=3\n")
    (made / ".gitignore").write_text(".signoff\n")
    (made / "authority.pem").write_bytes((TLS / "certificate.pem").read_bytes())
    git = ["git", "-C", str(made), "-c", "user.name=Ada", "-c", "user.email=ada@project.example"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run([*git, *command], check=True)
    return made


async def carried_out(signoff: Stack, name: str, folder: Path, **parameters: Any) -> dict[str, Any]:
    """Run a template, and do whatever it asks of people. Returns the finished project."""
    project_id = await signoff.started(TEMPLATES[name], path=str(folder), parameters=parameters)

    async def post(path: str, **body: str) -> None:
        answer = await signoff.http.post(f"/api/projects/{project_id}{path}", json=body)
        # 409: it was settled since it was read.
        assert answer.status_code in {200, 202, 409}, answer.text

    async def step() -> dict[str, Any] | None:
        project = await signoff.project(project_id)
        if project["stage"] == "finished":
            return project
        if project["gate"]:
            await post("/approve")
        for question in (await signoff.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]:
            assert question["kind"] == "decision", question
            (key,) = (task["key"] for task in project["tasks"] if task["id"] == question["task_id"])
            answer = ANSWERS.get(key) or question["options"][0]
            await post(f"/decisions/{question['id']}", answer=answer)
        for task in project["tasks"]:
            if task["status"] == "waiting" and task["reason"] == "manual":
                await post(f"/tasks/{task['id']}/complete")
            elif task["status"] in {"waiting", "running"} and task["action"]["type"] == "wait":
                await post(f"/tasks/{task['id']}/skip")
        return None

    return await eventually(step, what=f"{name} has ended")


def statuses(project: dict[str, Any]) -> dict[str, str]:
    return {task["key"]: task["status"] for task in project["tasks"]}


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_runs_to_its_end(signoff: Stack, folder: Path, name: str) -> None:
    with site() as port, site(tls=True) as secure:
        given: dict[str, dict[str, Any]] = {
            "certificate-check": {"hosts": f"localhost:{secure}", "authority": "authority.pem"},
            "dependency-check": {"index": f"http://127.0.0.1:{port}"},
            "release-checklist": {"version": "1.4.0"},
            "website-check": {"pages": f"http://127.0.0.1:{port}/", "text": "Hello"},
        }
        project = await carried_out(signoff, name, folder, **given.get(name, {}))
    assert project["status"] == "completed", (project["failure"], statuses(project))
    skipped = {task["key"] for task in project["tasks"] if task["status"] == "skipped"}
    assert skipped <= {"renew", "look", "grant", "objections", "watch"}, statuses(project)
    for task in project["tasks"]:
        assert task["status"] == "skipped" or all((folder / file).stat().st_size for file in task["expected_files"])


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_says_what_it_is_for_and_has_no_warning(signoff: Stack, name: str) -> None:
    values = {"hosts": "localhost", "version": "1.4.0", "pages": "http://localhost/"}
    given = {key: value for key, value in values.items() if f"\n  {key}:" in TEMPLATES[name]}
    project_id = await signoff.planned(TEMPLATES[name], parameters=given)
    assert (await signoff.call("GET", f"/{project_id}/plan"))["warnings"] == []
    findings = (await signoff.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    assert [finding for finding in findings if finding["severity"] in {"critical", "high", "medium"}] == []
    text = TEMPLATES[name].partition("\n# ")[2] or TEMPLATES[name].removeprefix("# ")
    assert 40 < len(text.split("\n\n")[1]) < 120


async def test_certificates_that_expire_soon_are_for_a_person(signoff: Stack, folder: Path) -> None:
    with site(tls=True) as port:
        hosts, days = f"localhost:{port} localhost:1", 100_000
        project = await carried_out(
            signoff, "certificate-check", folder, hosts=hosts, authority="authority.pem", days=days
        )
    assert statuses(project) == {"check": "completed", "renew": "completed"}
    report = (folder / "certificates.md").read_text()
    assert "2126-10-31" in report
    assert "refused" in report


async def test_only_listed_files_are_deleted(signoff: Stack, folder: Path) -> None:
    await carried_out(signoff, "disk-cleanup", folder)
    assert [path.name for path in (folder / "downloads").iterdir()] == ["new report.txt"]
    assert (folder / "to-delete.txt").read_text() == "downloads/old report.txt\n"
    nothing = await carried_out(signoff, "disk-cleanup", folder, example=False)
    assert statuses(nothing) == {"create": "skipped", "find": "completed", "remove": "skipped", "space": "skipped"}


async def test_rejected_rows_are_left_out_and_counted(signoff: Stack, folder: Path) -> None:
    await carried_out(signoff, "data-import", folder)
    with (folder / "by-region.csv").open(newline="") as sums:
        assert list(csv.reader(sums)) == [["region", "orders", "amount"], ["north", "1", "120"], ["south", "1", "80"]]
    assert (folder / "rejected.csv").read_text().splitlines() == ["line,region,amount", "4,north,many"]


async def test_a_mistyped_database_is_not_backed_up(signoff: Stack, folder: Path) -> None:
    project_id = await signoff.started(
        TEMPLATES["database-backup"], path=str(folder), parameters={"example": False, "database": "missing.db"}
    )
    project = await signoff.finished(project_id)
    assert statuses(project)["copy"] == "failed"
    assert not (folder / "missing.db").exists()


async def test_pages_that_fail_and_old_dependencies_are_reported(signoff: Stack, folder: Path) -> None:
    with site() as port:
        at = f"http://127.0.0.1:{port}"
        checked = await carried_out(signoff, "website-check", folder, pages=f"{at}/ {at}/missing", text="Hello")
        await carried_out(signoff, "dependency-check", folder, index=at)
    assert statuses(checked)["look"] == "completed"
    assert "| **HTTP Error 404: Not Found** |" in (folder / "website.md").read_text()
    report = (folder / "dependencies.md").read_text()
    assert "1 of 2 can be updated" in report
    assert "| alpha | 1.0 | **2.0** |" in report
