"""People are told: each notification is stored with its event, sent by Temporal, and arrives once, by its id."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from app.storage import events, projects
from app.storage.notification_table import notifications as notifications_table
from app.storage.notifications import BATCH
from app.temporal import notifying
from signoff.schemas.event_data import ProjectCompleted
from tests.api.test_roles import bearer, key_for
from tests.conftest import Stack, eventually, running_stack
from tests.mailbox import receiving_mail
from tests.ports import free_port
from tests.receiver import SECRET, Receiver, receiving
from workflows.notification import NotificationWorkflow

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

ALL = ["waiting", "failed", "completed", "cancelled"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def told(temporal_server: WorkflowEnvironment, tmp_path: Path, receiver: Receiver) -> AsyncIterator[Stack]:
    entry = {"name": "hook", "webhook": receiver.url, "secret": SECRET, "events": ALL}
    public = "https://signoff.example"
    async with running_stack(temporal_server, tmp_path, notify=[entry], public_url=public) as stack:
        yield stack


async def listed(stack: Stack, **query: Any) -> list[dict[str, Any]]:
    answer = await stack.http.get("/api/notifications", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["notifications"]


async def until_ended(stack: Stack, count: int) -> list[dict[str, Any]]:
    async def ended() -> list[dict[str, Any]] | None:
        rows = await listed(stack)
        return rows if len(rows) == count and all(row["status"] != "pending" for row in rows) else None

    found = await eventually(ended, what=f"{count} notifications have ended")
    assert found is not None
    return found


async def test_a_webhook_says_what_waits_and_how_it_ends(told: Stack, receiver: Receiver) -> None:
    plan = "- Clear: `true || rm -rf /var/log` {#clear}\n- Ship it? {#ship decision=yes,no expires=3d}\n"
    project_id = await told.started(plan, name="Release", labels=["ops"])
    question = await told.question(project_id)
    await told.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
    await told.finished(project_id)
    rows = await until_ended(told, 3)
    sent = {row["id"]: row for row in rows if row["status"] == "delivered"}
    # What waits no more is not sent: the plan may have been approved before anybody was told.
    assert {row["status"] for row in rows} <= {"delivered", "obsolete"}
    assert sorted(receiver.ids) == sorted(sent)
    by_event = {(body["data"]["event"], body["data"]["kind"]): body for _, body in receiver.taken}
    completed = by_event["completed", None]
    assert completed["type"] == "signoff.completed"
    assert completed["data"]["url"] == f"https://signoff.example/projects/{project_id}"
    assert (completed["data"]["project_name"], completed["data"]["labels"]) == ("Release", ["ops"])


async def test_a_plan_that_waits_is_told_with_its_risk_and_link(told: Stack, receiver: Receiver) -> None:
    project_id = await told.planned("# Clear\n\nRemove old logs.\n\n- Clear: `true || rm -rf /var/log`\n", name="Logs")
    [row] = await until_ended(told, 1)
    assert (row["event"], row["kind"], row["status"], row["attempts"]) == ("waiting", "plan", "delivered", 1)
    [(message_id, body)] = receiver.taken
    assert message_id == row["id"]
    data = body["data"]
    assert (data["title"], data["findings"]["critical"]) == ("Version 1 of the plan", 1)
    assert data["url"].endswith(f"/projects/{project_id}")


async def test_authors_are_told_what_must_change_and_that_a_plan_was_rejected(
    temporal_server: WorkflowEnvironment, tmp_path: Path, receiver: Receiver
) -> None:
    common = {"webhook": receiver.url, "secret": SECRET}
    entries = [
        {"name": "authors", "kinds": ["changes_requested"], "events": ["waiting", "rejected", "cancelled"], **common},
        {"name": "operators", "events": ["cancelled"], **common},
    ]
    async with running_stack(temporal_server, tmp_path, notify=entries) as stack:
        project_id = await stack.planned("- A: `true`", name="Release")
        await stack.call("POST", f"/{project_id}/request-changes", json={"comment": "Not on Friday."})
        [row] = await until_ended(stack, 1)
        assert (row["entry"], row["kind"], row["status"]) == ("authors", "changes_requested", "delivered")
        (_, asked) = receiver.taken[-1]
        assert asked["data"]["title"] == "Version 1 of the plan"
        assert asked["data"]["summary"].endswith(": Not on Friday.")
        await stack.call("POST", f"/{project_id}/reject", json={"comment": "Never."})
        rows = await until_ended(stack, 3)
        assert sorted((row["entry"], row["event"]) for row in rows) == [
            ("authors", "rejected"),
            ("authors", "waiting"),
            ("operators", "cancelled"),
        ]
        summaries = [body["data"]["summary"] for _, body in receiver.taken if body["data"]["event"] == "rejected"]
        assert [text.rpartition(": ")[2] for text in summaries] == ["Never."]


async def test_only_what_an_entry_asks_for_is_sent_to_it(
    temporal_server: WorkflowEnvironment, tmp_path: Path, receiver: Receiver
) -> None:
    common = {"webhook": receiver.url, "secret": SECRET}
    entries = [
        {"name": "payments", "labels": ["payments"], "events": ["waiting"], **common},
        {"name": "decisions", "kinds": ["decision"], "events": ["waiting"], **common},
    ]
    async with running_stack(temporal_server, tmp_path, notify=entries) as stack:
        await stack.planned("- A: `true`", labels=["reports"])
        await stack.planned("- A: `true`", labels=["payments"])
        started = await stack.started("- Ship it? {#ship decision=yes,no}", labels=["reports"])
        await stack.question(started)
        rows = await until_ended(stack, 2)
        assert sorted((row["entry"], row["kind"]) for row in rows) == [("decisions", "decision"), ("payments", "plan")]


async def test_a_refused_notification_is_tried_again_and_replayed_with_its_id(told: Stack, receiver: Receiver) -> None:
    receiver.status = 302
    await told.planned("- A: `true`")

    async def tried() -> bool:
        rows = await listed(told)
        return bool(rows) and rows[0]["attempts"] >= 2

    await eventually(tried, what="it was tried twice")
    [row] = await listed(told)
    assert row["last_error"] == "The receiver answered 302."
    pending = await told.http.post(f"/api/notifications/{row['id']}/replay")
    assert (pending.status_code, pending.json()["code"]) == (409, "notification_pending")
    receiver.status = 200
    [row] = await until_ended(told, 1)
    assert (row["status"], receiver.ids) == ("delivered", [row["id"]])
    again = await told.http.post(f"/api/notifications/{row['id']}/replay")
    assert (again.status_code, again.json()["status"]) == (200, "pending")
    await until_ended(told, 1)
    assert receiver.ids == [row["id"]] * 2
    assert receiver.taken[0] == receiver.taken[1]
    missing = await told.http.post("/api/notifications/msg_none/replay")
    assert (missing.status_code, missing.json()["code"]) == (404, "notification_not_found")


async def test_secrets_and_addresses_are_in_no_answer_and_no_history(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    url = f"json://user:a-very-secret-word@127.0.0.1:{free_port()}/path"
    async with running_stack(temporal_server, tmp_path, notify=[{"name": "down", "url": url}]) as stack:
        await stack.planned("- A: `true`")

        async def tried() -> bool:
            rows = await listed(stack)
            return bool(rows) and rows[0]["last_error"] is not None

        await eventually(tried, what="it was tried")
        [row] = await listed(stack)
        history = await stack.temporal.get_workflow_handle(row["id"]).fetch_history()
        for text in (json.dumps(row), history.to_json(), repr(stack.settings)):
            assert "very-secret" not in text
            assert "127.0.0.1:" + url.rsplit(":", 1)[1].split("/", maxsplit=1)[0] not in json.dumps(row)


async def test_only_operators_of_all_projects_read_notifications(told: Stack) -> None:
    roles = {"viewer": 403, "author": 403, "approver": 403, "operator": 200, "admin": 200}
    for role, status in roles.items():
        headers = bearer((await key_for(told, f"{role} of notifications", {"role": role}))["key"])
        assert (await told.http.get("/api/notifications", headers=headers)).status_code == status


async def test_a_mail_has_what_waits_and_nothing_that_a_project_injects(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    url_file = tmp_path / "mail.url"
    async with receiving_mail() as mailbox:
        url_file.write_text(f"{mailbox.url}&to=dana@example.com\n")
        entries = [{"name": "mail", "url_file": str(url_file), "events": ["waiting"]}]
        async with running_stack(temporal_server, tmp_path, notify=entries) as stack:
            name = "Logs\nBcc: everybody@example.com <b>@channel</b> [here](https://evil.example)"
            project_id = await stack.planned("- Clear: `true || rm -rf /var/log`", name=name)
            [row] = await until_ended(stack, 1)
            assert row["status"] == "delivered", row
    [mail] = mailbox.mails
    assert mail["Bcc"] is None
    subject = str(make_header(decode_header(mail["Subject"])))
    assert subject.startswith("A plan is waiting for approval: Logs Bcc: everybody")
    text = mailbox.texts[0]
    assert f"/projects/{project_id}" in text
    assert "1 critical" in text
    for injected in ("<b>", "@channel", "](", "https://evil"):
        assert injected not in text


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("count", "seconds"), [(60, 0), pytest.param(1000, 60, marks=pytest.mark.full)])
async def test_many_arrive_once_each_although_the_receiver_was_down(
    told: Stack, receiver: Receiver, count: int, seconds: int
) -> None:
    project_id = await told.create("- A: `true`")
    receiver.mute = True
    ended = [ProjectCompleted(tasks={}) for _ in range(count)]
    await told.database.transact(lambda conn: events.append(conn, project_id, *ended, actor="signoff"))
    back_at = time.monotonic() + seconds

    async def down_for_long() -> bool:
        return receiver.refused >= 20 and time.monotonic() >= back_at

    await eventually(down_for_long, what="the receiver was down", seconds=seconds + 60)
    receiver.mute = False
    query = {"status": "delivered", "limit": 1}

    async def all_delivered() -> bool:
        return (await told.http.get("/api/notifications", params=query)).json()["total"] == count

    await eventually(all_delivered, what="all are delivered", seconds=450)
    assert len(receiver.ids) == len(set(receiver.ids)) == count


async def test_a_few_workflows_send_many_and_repeat_only_those_that_were_refused(
    told: Stack, receiver: Receiver
) -> None:
    project_id = await told.create("- A: `true`")
    count = BATCH + 5
    ended = [ProjectCompleted(tasks={}) for _ in range(count)]
    written = await told.database.read(lambda conn: projects.get(conn, project_id).last_seq)
    receiver.refuses = {written + number for number in range(1, count, 2)}
    await told.database.transact(lambda conn: events.append(conn, project_id, *ended, actor="signoff"))

    async def tried_twice() -> bool:
        rows = [row for row in await listed(told) if row["seq"] in receiver.refuses]
        return len(rows) == len(receiver.refuses) and all(row["attempts"] >= 2 for row in rows)

    await eventually(tried_twice, what="what was refused is tried again")
    rows = await listed(told)
    taken = [row for row in rows if row["seq"] not in receiver.refuses]
    assert {(row["status"], row["attempts"]) for row in taken} == {("delivered", 1)}
    assert {row["status"] for row in rows if row["seq"] in receiver.refuses} == {"pending"}
    receiver.refuses = set()
    await until_ended(told, count)
    assert len(receiver.ids) == len(set(receiver.ids)) == count
    batches = select(notifications_table.c.batch_id).distinct()
    ids = await told.database.read(lambda conn: list(conn.execute(batches).scalars()))
    assert len(ids) == 2
    replayer = Replayer(workflows=[NotificationWorkflow], data_converter=pydantic_data_converter)
    for batch_id in ids:
        await replayer.replay_workflow(await told.temporal.get_workflow_handle(batch_id).fetch_history())


async def test_a_receiver_that_is_gone_ends_its_notifications_and_no_others(told: Stack, receiver: Receiver) -> None:
    project_id = await told.create("- A: `true`")
    receiver.status = 410
    ended = [ProjectCompleted(tasks={}) for _ in range(2)]
    written = await told.database.read(lambda conn: projects.get(conn, project_id).last_seq)
    receiver.refuses = {written + 2}
    await told.database.transact(lambda conn: events.append(conn, project_id, *ended, actor="signoff"))

    async def gone() -> bool:
        return {row["status"] for row in await listed(told)} == {"failed", "pending"}

    await eventually(gone, what="one has failed for good")
    receiver.status, receiver.refuses = 204, set()
    rows = await until_ended(told, 2)
    assert sorted((row["seq"] - written, row["status"]) for row in rows) == [(1, "failed"), (2, "delivered")]


async def test_who_does_not_answer_is_reminded_and_then_others_are_told(
    temporal_server: WorkflowEnvironment, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The test moves the time of reminders, which no event tells the app.
    monkeypatch.setattr(notifying, "LOOK_SECONDS", 0.2)
    common = {"webhook": receiver.url, "secret": SECRET, "events": ["waiting"]}
    entries = [
        {"name": "approvers", "remind": "1d", "before": "1d", "escalate": "4h", "escalate_to": "managers", **common},
        {"name": "managers", "labels": ["never"], **common},
    ]
    async with running_stack(temporal_server, tmp_path, notify=entries) as stack:
        project_id = await stack.started("- Ship it? {#ship decision=yes,no expires=3d}\n", auto_approve_plan=False)
        question = await stack.question(project_id)

        async def follows() -> list[dict[str, Any]] | None:
            rows = [row for row in await listed(stack) if row["kind"] == "decision"]
            return rows if len(rows) == 4 else None

        rows = await eventually(follows, what="reminders are planned")
        assert rows is not None
        assert sorted((row["entry"], row["status"]) for row in rows) == [
            ("approvers", "delivered"),
            ("approvers", "pending"),
            ("approvers", "pending"),
            ("managers", "pending"),
        ]
        assert all((row["due_at"] is not None) == (row["status"] == "pending") for row in rows)
        sent = len(receiver.taken)
        # The time comes for all of them, and then the one who was asked answers.
        table = notifications_table
        due = update(table).where(table.c.due_at.is_not(None)).values(due_at="2026-01-01T00:00:00.000Z")
        await stack.database.transact(lambda conn: conn.execute(due))

        async def told_again() -> bool:
            return len(receiver.taken) >= sent + 3

        await eventually(told_again, what="reminders have arrived", seconds=90)
        await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
        await stack.finished(project_id)
        await stack.database.transact(lambda conn: conn.execute(due))

        async def obsolete() -> bool:
            rows = [row for row in await listed(stack) if row["kind"] == "decision"]
            return all(row["status"] in {"delivered", "obsolete"} for row in rows)

        await eventually(obsolete, what="nobody is reminded any more", seconds=90)
        assert len(receiver.ids) == len(set(receiver.ids))
