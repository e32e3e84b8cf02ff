"""What a page shows stays true, whatever happens to its connection."""

from __future__ import annotations

import psutil
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Signoff

STALE = "The connection is lost"


def app_process(signoff: Signoff) -> psutil.Process:
    port = int(signoff.url.rpartition(":")[2])
    listening = (one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
    return psutil.Process(next(one.pid for one in listening if one.laddr.port == port and one.pid))


def test_a_page_outlives_the_app_and_shows_what_came_meanwhile(page: Page, signoff: Signoff) -> None:
    project_id = signoff.started(
        "Outlives", "- Wait {#wait timeout=60}\n\n  ```sh\n  sleep 2\n  ```\n- After {after=wait} `true`"
    )
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Running").first).to_be_visible()
    app_process(signoff).kill()
    expect(page.get_by_text(STALE)).to_be_visible()
    expect(page.get_by_text(STALE)).to_be_hidden()
    expect(page.get_by_text("Completed").first).to_be_visible()


def test_a_finished_project_that_goes_on_is_followed_again(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Goes on", "- `test -e go`")
    page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Failed").first).to_be_visible()
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files={"file": ("go", b"")}).raise_for_status()
    signoff.api.post(f"/api/projects/{project_id}/retry", json={}).raise_for_status()
    expect(page.get_by_text("Completed").first).to_be_visible()


def test_a_page_keeps_one_stream_and_asks_for_nothing_while_nothing_happens(
    context: BrowserContext, signoff: Signoff
) -> None:
    project_id = signoff.started("Quiet", "- [ ] Say when")
    page = context.new_page()
    with page.expect_response("**/events?*"):
        page.goto(f"/projects/{project_id}")
    expect(page.get_by_text("Running").first).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.wait_for_timeout(3000)  # why: that nothing is asked can only be seen over a while
    assert sent == []
