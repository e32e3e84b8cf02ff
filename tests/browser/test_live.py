"""The page stays up to date, even if its connection fails."""

from __future__ import annotations

import psutil
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Signoff

STALE = "Connection lost"
# Ends every stream of the page when `dropStreams` is called.
DROPPABLE = """
const plain = window.fetch;
const open = [];
window.fetch = (address, options = {}) => {
  if (!options.signal || !String(address).includes("/events")) return plain(address, options);
  const drop = new AbortController();
  open.push(drop);
  return plain(address, { ...options, signal: AbortSignal.any([options.signal, drop.signal]) });
};
window.dropStreams = () => open.forEach((drop) => drop.abort());
"""


# Simulates switching tabs: in a test, the browser treats every page as visible.
LEAVABLE = """
let seen = "visible";
Object.defineProperty(document, "visibilityState", { get: () => seen });
const become = (state) => {
  seen = state;
  document.dispatchEvent(new Event("visibilitychange"));
};
window.leave = () => become("hidden");
window.comeBack = () => become("visible");
"""


def app_process(signoff: Signoff) -> psutil.Process:
    port = int(signoff.url.rpartition(":")[2])
    listening = (one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
    return psutil.Process(next(one.pid for one in listening if one.laddr.port == port and one.pid))


def test_a_page_survives_a_restart_of_the_app_and_catches_up(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started(
        "Outlives", "- Wait {#wait timeout=60}\n\n  ```sh\n  sleep 2\n  ```\n- After {after=wait}: `true`"
    )
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Running").first).to_be_visible()
    app_process(signoff).kill()
    expect(page.get_by_text(STALE)).to_be_visible()
    # The page waits up to 12 s between two attempts, and the app takes a while to start.
    expect(page.get_by_text(STALE)).to_be_hidden(timeout=60_000)
    expect(page.get_by_text("Completed").first).to_be_visible()


def test_a_finished_project_that_resumes_is_followed_again(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Goes on", "- `test -e go`")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Failed").first).to_be_visible()
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    signoff.api.post(f"/api/projects/{project_id}/retry", json={}).raise_for_status()
    expect(page.get_by_text("Completed").first).to_be_visible()


def test_a_run_between_two_streams_is_shown_in_full(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Came and went", "- Again: `test -e go`")
    page.add_init_script(DROPPABLE)
    page.goto(f"/projects/{project_id}/timeline")
    expect(page.get_by_text("Run 1", exact=True)).to_be_visible()
    page.route("**/api/events", lambda route: route.abort())
    page.evaluate("dropStreams()")
    expect(page.get_by_text(STALE)).to_be_visible()
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    signoff.api.post(f"/api/projects/{project_id}/retry", json={}).raise_for_status()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")
    page.unroute("**/api/events")
    expect(page.get_by_text("Run 2", exact=True)).to_be_visible()
    # From its events, not only from the project.
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value("2")


def test_a_failed_load_is_repeated_once_the_stream_is_back(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started(
        "Read later", "- Go on? {#ask decision=yes,no}\n- [ ] Stay {#stay}", decision_mode="human"
    )
    page.add_init_script(DROPPABLE)
    page.goto(f"/projects/{project_id}")
    question = page.get_by_role("form", name="Go on?")
    expect(question).to_be_visible()
    asked = signoff.api.get(f"/api/projects/{project_id}/decisions", params={"status": "open"}).json()["decisions"][0]
    page.route(f"**/api/projects/{project_id}/decisions", lambda route: route.abort())
    answer = {"answer": "yes"}
    signoff.api.post(f"/api/projects/{project_id}/decisions/{asked['id']}", json=answer).raise_for_status()
    expect(page.get_by_role("alert")).to_contain_text("not responding")
    page.unroute(f"**/api/projects/{project_id}/decisions")
    expect(question).to_be_visible()
    page.evaluate("dropStreams()")
    expect(question).to_be_hidden()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_more_tabs_than_a_browser_has_connections(context: BrowserContext, signoff: Signoff) -> None:
    ids = [signoff.started(f"Tab {number}", "- [ ] Say when {#say}") for number in range(7)]
    context.add_init_script(LEAVABLE)
    pages = []
    for number, project_id in enumerate(ids):
        if pages:
            pages[-1].evaluate("leave()")
        page = context.new_page()
        page.goto(f"/projects/{project_id}?task=say")
        expect(page.get_by_role("heading", name=f"Tab {number}")).to_be_visible()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        pages.append(page)
    for number in (0, 5):
        signoff.api.post(f"/api/projects/{ids[number]}/tasks/say/complete", json={}).raise_for_status()
    # The tab that was left last stays live; an earlier one catches up when somebody returns to it.
    expect(pages[5]).to_have_title("Tab 5 · Signoff")
    expect(pages[0].get_by_text("Connecting", exact=True)).to_be_visible()
    expect(pages[0]).to_have_title("● To do: Tab 0")
    pages[6].evaluate("leave()")
    pages[0].evaluate("comeBack()")
    expect(pages[0]).to_have_title("Tab 0 · Signoff")
    expect(pages[0].get_by_text("Completed").first).to_be_visible()


def test_an_idle_page_keeps_one_stream_and_sends_no_requests(context: BrowserContext, signoff: Signoff) -> None:
    project_id = signoff.started("Quiet", "- [ ] Say when")
    page = context.new_page()
    with page.expect_response("**/events?*"):
        page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Running").first).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.wait_for_timeout(3000)  # why: the absence of requests can be observed only over some time
    assert sent == []
