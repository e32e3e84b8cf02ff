"""A foreign web page in a browser on this machine cannot reach Temporal.

The page is at `evil.example`, which resolves to this machine. This covers requests from its own origin, and DNS rebinding:
names that are bound to another address while the page is open.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect
from playwright.sync_api import Error as PlaywrightError
from temporalio.api.workflowservice.v1 import ListBatchOperationsRequest
from temporalio.client import Client

from tests.browser.conftest import FLAGS, Signoff, chromium
from tests.browser.running import in_a_loop

PLAN = "- Do it: `echo done > done.txt`\n"
BATCH = {
    "visibilityQuery": "SignoffStage='awaiting_approval'",
    "reason": "x",
    "signalOperation": {"signal": "approve", "input": [{"actor": "admin"}]},
}
# Returns for each port whether a request that any page may send was answered, or its error.
SEND = """async ([ports, path, body]) => Object.fromEntries(await Promise.all(ports.map(async port => {
    const sent = fetch(`http://127.0.0.1:${port}${path}`, {method: 'POST', mode: 'no-cors', body})
    return [port, await sent.then(() => 'answered', error => String(error))]
})))"""


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The address of the foreign page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://evil.example:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def victim(playwright: Playwright) -> Iterator[Browser]:
    """The user's browser, which resolves `evil.example` to this machine and lets pages reach local addresses."""
    flags = ["--host-resolver-rules=MAP evil.example 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"]
    running = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags])
    yield running
    running.close()


@pytest.fixture
def foreign(victim: Browser, elsewhere: str) -> Iterator[Page]:
    context = victim.new_context()
    page = context.new_page()
    page.goto(elsewhere)
    yield page
    context.close()


def ports_of_temporal(signoff: Signoff) -> set[tuple[str, int]]:
    """The addresses and ports on which the dev server listens."""
    children = psutil.Process(signoff.addresses["pid"]).children(recursive=True)
    [server] = [child for child in children if "start-dev" in child.cmdline() and child.name() == "temporal"]
    return {(one.laddr.ip, one.laddr.port) for one in server.net_connections("tcp") if one.status == psutil.CONN_LISTEN}


def on_the_usual_address(signoff: Signoff) -> list[int]:
    return sorted(
        port for address, port in ports_of_temporal(signoff) if address in {"127.0.0.1", "::1", "::", "0.0.0.0"}
    )


def test_no_page_can_send_signals_through_temporals_http_api(signoff: Signoff, foreign: Page) -> None:
    project_id = signoff.planned("Waits", PLAN)
    ports = on_the_usual_address(signoff)
    path = "/api/v1/namespaces/default/batch-operations/forged"
    sent = foreign.evaluate(SEND, [ports, path, json.dumps(BATCH)])
    single = f"/api/v1/namespaces/default/workflows/{project_id}/signal/approve"
    sent_once = foreign.evaluate(SEND, [ports, single, json.dumps({"input": [{"actor": "admin"}]})])

    # The API is there and the page reached it, but the API refused its host name.
    refusals = [
        httpx.get(f"http://127.0.0.1:{port}/api/v1/namespaces") for port in ports if sent[str(port)] == "answered"
    ]
    assert [answer.json()["message"] for answer in refusals if answer.status_code == 403] == ["Host not allowed"]
    assert all(answer.status_code != 200 for answer in refusals)
    assert "answered" in sent_once.values()

    async def traces() -> tuple[int, int]:
        client = await Client.connect(signoff.addresses["temporal"])
        batches = await client.workflow_service.list_batch_operations(ListBatchOperationsRequest(namespace="default"))
        history = await client.get_workflow_handle(project_id).fetch_history()
        signals = sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)
        return len(batches.operation_info), signals

    # One signal started the planning, and no other one arrived.
    assert in_a_loop(traces) == (0, 1)
    assert signoff.project(project_id)["stage"] == "awaiting_approval"


def _read(browser: Browser, address: str) -> int | None:
    """The status of a response, or None if the port does not speak HTTP/1."""
    with browser.new_context() as context:
        try:
            answer = context.new_page().goto(address)
        except PlaywrightError:
            return None
        return answer.status if answer is not None else None


def test_a_name_that_is_bound_to_this_machine_reads_and_writes_nothing(
    signoff: Signoff, victim: Browser, foreign: Page
) -> None:
    project_id = signoff.planned("Waits", PLAN)
    ui = int(signoff.addresses["temporal_ui"].rpartition(":")[2])
    ports = [ui, *on_the_usual_address(signoff)]
    read = {port: _read(victim, f"http://evil.example:{port}/api/v1/namespaces") for port in ports}
    assert read[ui] == 403
    assert 200 not in read.values()

    foreign.goto(f"http://evil.example:{ui}/")
    path = f"/api/v1/namespaces/default/workflows/{project_id}/signal/approve"
    status = foreign.evaluate(
        "async path => (await fetch(path, {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})).status",
        path,
    )
    assert status == 403
    assert signoff.project(project_id)["stage"] == "awaiting_approval"


def test_the_web_ui_itself_listens_where_no_page_finds_it(signoff: Signoff) -> None:
    hidden = [address for address, _ in ports_of_temporal(signoff) if address not in {"127.0.0.1", "::1"}]
    assert len(hidden) == 1
    assert hidden[0].startswith("127.")


def test_the_web_ui_shows_a_run_and_offers_no_way_to_change_it(signoff: Signoff, victim: Browser) -> None:
    project_id = signoff.finished("Seen in Temporal", PLAN)
    with victim.new_context() as context:
        page = context.new_page()
        page.goto(signoff.project(project_id)["links"]["temporal"])
        page.get_by_role("heading", name=project_id).wait_for(timeout=30_000)
        expect(page.get_by_role("button", name="Reset")).to_be_disabled()
        assert page.evaluate("async () => (await (await fetch('/api/v1/settings')).json()).DisableWriteActions") is True
