"""All of Signoff behind a reverse proxy with TLS: at the root and below a path, whether or not the proxy removes the path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from signoff import Signoff as Client
from tests.browser.conftest import Signoff, second_app
from tests.browser.reverse_proxy import USUAL_FIELDS, reverse_proxy
from tests.browser.signing_in import KEY, PASSWORD, sign_in
from tests.browser.test_passkeys import DEVICE
from tests.ports import free_port

PLAN = "# Behind a proxy\n\n- Make it: `echo one > made.txt` {#make files=made.txt}\n- [ ] Look {#look after=make}\n"


@dataclass(frozen=True)
class Way:
    """How people reach the app."""

    url: str
    prefix: str
    certificate: Path
    direct: str

    def http(self, **options: Any) -> httpx.Client:
        """A client with the server's key."""
        headers = {"Authorization": f"Bearer {KEY}"} | options.pop("headers", {})
        return httpx.Client(base_url=self.url, verify=str(self.certificate), headers=headers, timeout=60, **options)


WAYS = {
    "root": ("", False, USUAL_FIELDS),
    "prefix removed": ("/signoff", True, USUAL_FIELDS),
    "prefix passed on": ("/tools/signoff", False, USUAL_FIELDS),
    "prefix removed, no fields set": ("/signoff", True, ""),
}


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest, signoff: Signoff, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    prefix, strips, fields = request.param
    port, own = free_port(), free_port()
    url = f"https://localhost:{port}{prefix}"
    folder = tmp_path_factory.mktemp("proxy") / "nginx"
    direct = f"http://127.0.0.1:{own}"
    with (
        second_app(signoff, port=own, SIGNOFF_API_KEY=KEY, SIGNOFF_PUBLIC_URL=url),
        reverse_proxy(folder, port, direct, prefix=prefix, strips=strips, fields=fields),
    ):
        yield Way(url, prefix, folder / "cert.pem", direct)


@pytest.fixture
def page(browser: Browser, way: Way) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    # The page itself aborts what it no longer needs: a preview, or the stream of events.
    context.on(
        "requestfailed",
        lambda sent: problems.append(f"failed: {sent.url}") if sent.failure != "net::ERR_ABORTED" else None,
    )
    context.on(
        "request", lambda sent: problems.append(sent.url) if not sent.url.startswith((way.url, "data:")) else None
    )
    context.on("response", lambda answer: problems.append(answer.url) if answer.status == 404 else None)
    yield context.new_page()
    context.close()
    assert not problems


def session_cookie(context: BrowserContext) -> dict[str, Any]:
    [cookie] = [dict(each) for each in context.cookies() if each.get("name") == "signoff_session"]
    return cookie


def test_a_project_from_the_first_word_to_its_files(page: Page, way: Way) -> None:
    name = f"Ada {way.url}"
    with way.http() as api:
        body = {"name": name, "roles": [{"role": "admin"}], "password": PASSWORD}
        api.post("/api/people", json=body).raise_for_status()
    page.goto(f"{way.url}/inbox")
    sign_in(page, name)
    expect(page.get_by_role("link", name="New project")).to_be_visible()
    cookie = session_cookie(page.context)
    assert (cookie["path"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (
        f"{way.prefix}/",
        True,
        True,
        "Strict",
    )
    with way.http() as api:
        project_id = api.post("/api/projects", json={"name": "Proxied", "description": PLAN}).json()["id"]
        api.post(f"/api/projects/{project_id}/generate-plan", json={}).raise_for_status()
    page.get_by_role("link", name="Projects").click()
    expect(page).to_have_url(f"{way.url}/")
    page.get_by_role("link", name="Proxied").first.click()
    expect(page).to_have_url(f"{way.url}/projects/{project_id}")
    page.get_by_role("button", name="Approve").first.click()
    # This arrives by the event stream.
    expect(page.get_by_text("Look").first).to_be_visible()
    expect(page.get_by_role("button", name="Done").first).to_be_visible()
    page.get_by_role("link", name="Files").first.click()
    expect(page).to_have_url(f"{way.url}/projects/{project_id}/files")
    page.get_by_role("link", name="made.txt").first.click()
    expect(page.get_by_text("one").first).to_be_visible()
    page.get_by_role("link", name="Graph").first.click()
    expect(page.locator("svg [data-task]").first).to_be_visible()
    page.reload()
    expect(page.locator("svg [data-task]").first).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(re.escape(f"{way.url}/projects/{project_id}/files")))


def test_the_explorer_of_the_api(page: Page, way: Way) -> None:
    documents: list[dict[str, Any]] = []

    def shorten(route: Route) -> None:
        answer = route.fetch()
        document = answer.json()
        documents.append(document)
        # Drawing every call takes seconds, and shows nothing more about addresses.
        route.fulfill(response=answer, json=document | {"paths": {"/api/projects": document["paths"]["/api/projects"]}})

    page.route("**/openapi.json", shorten)
    page.goto(f"{way.url}/schema")
    expect(page.get_by_text("List projects").first).to_be_visible()
    assert [document["servers"] for document in documents] == [[{"url": way.prefix or "/"}]]


def test_addresses_in_answers_lead_back(way: Way) -> None:
    with way.http() as api:
        created = api.post("/api/projects", json={"description": PLAN})
        project = created.json()
        assert created.headers["location"] == f"{way.prefix}/api/projects/{project['id']}"
        api.post(f"/api/projects/{project['id']}/generate-plan", json={}).raise_for_status()
        project = api.get(f"/api/projects/{project['id']}").json()
        links = {**project["links"]}
        assert links.pop("page") == f"{way.url}/projects/{project['id']}"
        links.pop("temporal")
        logs = [task["log"]["url"] for task in project["tasks"]]
        inbox = [item for item in api.get("/api/inbox").json()["items"] if item["project_id"] == project["id"]]
        assert inbox[0]["answer"]["path"] == f"{way.prefix}/api/projects/{project['id']}/approve"
        root = way.url.removesuffix(way.prefix)
        for path in (created.headers["location"], *links.values(), *logs, inbox[0]["page"]):
            answer = api.get(f"{root}{path}", headers={"Accept": "application/json"}, params=_briefly(path))
            assert answer.status_code == 200, path


def _briefly(path: str) -> dict[str, str]:
    return {"follow": "false"} if path.endswith("/events") else {}


def test_a_link_to_sign_names_the_public_address(way: Way) -> None:
    with way.http() as api:
        project_id = api.post("/api/projects", json={"description": PLAN}).json()["id"]
        api.post(f"/api/projects/{project_id}/generate-plan", json={}).raise_for_status()
        link = api.post(f"/api/projects/{project_id}/signing-links", json={"name": f"Kim {project_id}"}).json()
    assert link["url"].startswith(f"{way.url}/sign#")


def test_a_link_to_sign_opens(page: Page, way: Way) -> None:
    with way.http() as api:
        project_id = api.post("/api/projects", json={"name": "By link", "description": PLAN}).json()["id"]
        api.post(f"/api/projects/{project_id}/generate-plan", json={}).raise_for_status()
        link = api.post(f"/api/projects/{project_id}/signing-links", json={"name": f"Kim {project_id}"}).json()
    page.goto(link["url"])
    expect(page.get_by_role("button", name="Approve").first).to_be_visible()


def test_the_client_and_its_stream(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(way.certificate))
    with Client(way.url, api_key=KEY) as client:
        project = client.projects.create(name="By client", description="- A: `echo a > a.txt` {files=a.txt}")
        plan = client.projects.generate_plan(project.id)
        client.projects.approve(project.id, plan_version=plan.version, plan_digest=plan.digest)
        assert client.projects.wait(project.id).status == "completed"
        assert client.files.read(project.id, "a.txt") == b"a\n"


def test_events_arrive_one_by_one(way: Way) -> None:
    """A proxy that buffers would hold back the first event of a stream that has not ended."""
    with way.http() as api:
        project_id = api.post("/api/projects", json={"description": PLAN}).json()["id"]
        with api.stream("GET", f"/api/projects/{project_id}/events") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("event:")) == "event: project.created"
            api.post(f"/api/projects/{project_id}/generate-plan", json={}).raise_for_status()
            assert next(line for line in lines if line == "event: plan.ready")


def test_without_the_prefix_it_still_answers_on_its_own_port(way: Way) -> None:
    with httpx.Client(base_url=way.direct, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as direct:
        assert direct.get("/health").status_code == 200
        assert direct.get(f"{way.prefix}/api/projects").status_code == 200
        assert f'src="{way.prefix}/assets/' in direct.get("/").text
        # A path that only begins like the prefix is another one.
        assert direct.get(f"{way.prefix}x/api/projects").status_code == 404


def test_a_passkey_is_for_the_public_address(browser: Browser, way: Way) -> None:
    name = f"Pia {way.url}"
    with way.http() as api:
        body = {"name": name, "roles": [{"role": "approver"}], "password": PASSWORD}
        api.post("/api/people", json=body).raise_for_status()
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(60_000)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    page.goto(f"{way.url}/settings/passkeys")
    sign_in(page, name)
    page.get_by_label("Name of the device").fill("Laptop")
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("Laptop")
    context.close()


def test_other_sites_are_still_refused(way: Way) -> None:
    with way.http(headers={"Origin": "https://evil.example"}) as api:
        answer = api.post("/api/projects", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    with way.http(headers={"Origin": way.url.removesuffix(way.prefix)}) as api:
        assert api.post("/api/projects", json={}).status_code == 201


def test_json_stays_json(way: Way) -> None:
    with way.http() as api:
        answer = api.get("/api/nothing")
        assert (answer.status_code, json.loads(answer.content)["code"]) == (404, "not_found")
