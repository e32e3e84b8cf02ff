"""Decisions that a run waits for: each is asked once, answered once, or expires as declared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from app.domain.identity import parse_time
from tests.conftest import OWNER, Stack, eventually

ASKING = """
- Ship it? {#ship decision=yes,no}
- Tell: `echo $INPUT_WORD > word` {#tell}

  ```inputs
  word: ${{ tasks.ship.outputs.answer }}
  ```
"""


async def asked(stack: Stack, project_id: str) -> dict[str, Any]:
    """Return the only open decision."""

    async def one() -> dict[str, Any] | None:
        listed = await stack.call("GET", f"/{project_id}/decisions?status=open")
        assert listed["total"] == listed["open"] == len(listed["decisions"])
        return listed["decisions"][0] if listed["decisions"] else None

    return await eventually(one, what="a decision is asked for")


async def test_a_decision_is_asked_for_and_its_answer_flows_on(signoff: Stack) -> None:
    project_id = await signoff.started(ASKING, decision_mode="human")
    question = await asked(signoff, project_id)
    assert (question["kind"], question["question"], question["options"]) == ("decision", "Ship it?", ["yes", "no"])
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("running", "awaiting_decision")
    task = await signoff.task_in(project_id, "ship", "waiting")
    assert (task["reason"], task["id"]) == ("decision", question["task_id"])
    path = f"/{project_id}/decisions/{question['id']}"
    refused = await signoff.call("POST", path, status=422, json={"answer": "perhaps"})
    assert (refused["code"], refused["details"][0]["field"]) == ("invalid_answer", "answer")
    answer = await signoff.call("POST", path, json={"answer": "yes", "comment": "looks good"})
    assert (answer["status"], answer["answer"], answer["actor"]) == ("answered", "yes", OWNER)
    second = await signoff.call("POST", path, status=409, json={"answer": "no"})
    assert second["code"] == "already_answered"
    assert second["context"]["decision"]["answer"] == "yes"
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert (Path(project["workspace"]) / "word").read_text() == "yes\n"
    whole = await signoff.call("GET", f"/{project_id}/tasks/ship")
    assert whole["outputs"] == {"answer": "yes", "answered_by": OWNER, "comment": "looks good"}
    told = [event["type"] for event in await signoff.events(project_id)]
    assert told.count("decision.requested") == 1
    assert (await signoff.call("GET", path))["status"] == "answered"


async def test_of_many_answers_one_counts(signoff: Stack) -> None:
    project_id = await signoff.started("- Which? {#which decision=a,b}", decision_mode="human")
    question = await asked(signoff, project_id)
    path = f"/api/projects/{project_id}/decisions/{question['id']}"
    sent = ["a", "b"] * 10
    answers = await asyncio.gather(*(signoff.http.post(path, json={"answer": word}) for word in sent))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    won = next(word for word, answer in zip(sent, answers, strict=True) if answer.status_code == 200)
    assert {answer.json()["context"]["decision"]["answer"] for answer in answers if answer.status_code == 409} == {won}
    assert (await signoff.finished(project_id))["tasks"][0]["outputs"]["answer"] == won


async def test_in_agent_mode_without_a_model_a_person_decides(signoff: Stack) -> None:
    project_id = await signoff.started(
        '- Ship? {#ship decision=yes,no default=no}\n- Why? {#why after=ship decision=""}'
    )
    question = await asked(signoff, project_id)
    assert (question["question"], question["default"]) == ("Ship?", "no")
    await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
    question = await signoff.question(project_id, after=question)
    assert (question["question"], question["options"]) == ("Why?", [])
    await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "because"})
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    made = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert ("answer", "accepted", "yes", OWNER) in [(d["kind"], d["status"], d["answer"], d["actor"]) for d in made]


async def test_an_unanswered_decision_ends_as_declared(signoff: Stack) -> None:
    plan = "- Ship? {#ship decision=yes,no default=no expires=1s}\n- Stop? {#stop decision=yes,no expires=1s}"
    project_id = await signoff.started(plan, decision_mode="human")
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    tasks = {task["key"]: task for task in project["tasks"]}
    assert (tasks["ship"]["status"], tasks["ship"]["outputs"]["answer"]) == ("completed", "no")
    assert (tasks["stop"]["status"], tasks["stop"]["error"]["type"]) == ("failed", "decision_expired")
    listed = (await signoff.call("GET", f"/{project_id}/decisions?status=expired"))["decisions"]
    assert sorted(item["answer"] or "" for item in listed) == ["", "no"]
    late = await signoff.call("POST", f"/{project_id}/decisions/{listed[0]['id']}", status=409, json={"answer": "yes"})
    assert late["code"] == "decision_closed"


async def test_a_failed_task_asks_and_each_answer_is_carried_out(signoff: Stack) -> None:
    expected = {"retry": "completed", "skip": "completed", "fail": "failed"}
    plan = "- Bad: `echo x >> tries; [ -e fixed ]` {#bad retries=1}\n- After: `true` {#after after=bad}"
    for answer, outcome in expected.items():
        project_id = await signoff.started(plan, decision_mode="human")
        question = await asked(signoff, project_id)
        assert (question["kind"], question["options"]) == ("task_failed", ["retry", "skip", "fail"])
        project = await signoff.project(project_id)
        assert project["stage"] == "awaiting_decision"
        workspace = Path(project["workspace"])
        # Its retries come before the question.
        assert (workspace / "tries").read_text() == "x\nx\n"
        (workspace / "fixed").touch()
        await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": answer})
        project = await signoff.finished(project_id)
        assert project["status"] == outcome, answer
        tasks = {task["key"]: task for task in project["tasks"]}
        assert tasks["bad"]["status"] == {"retry": "completed", "skip": "skipped", "fail": "failed"}[answer]
        assert tasks["bad"]["attempt"] == (3 if answer == "retry" else 2)
        assert tasks["after"]["status"] == ("skipped" if answer == "fail" else "completed")
        if answer == "fail":
            assert tasks["bad"]["error"]["type"] == "exit_code"


async def test_after_failure_of_the_task_goes_before_the_mode_of_the_project(signoff: Stack) -> None:
    project_id = await signoff.started("- Bad: `false` {#bad after_failure=fail}", decision_mode="human")
    assert (await signoff.finished(project_id))["status"] == "failed"
    project_id = await signoff.started("- Bad: `false` {#bad after_failure=ask}")
    question = await asked(signoff, project_id)
    # The task's own endpoint also answers the decision, and closes it.
    await signoff.call("POST", f"/{project_id}/tasks/bad/skip")
    assert (await signoff.finished(project_id))["status"] == "completed"
    closed = await signoff.call("GET", f"/{project_id}/decisions/{question['id']}")
    assert (closed["status"], closed["answer"]) == ("answered", "skip")


async def test_a_task_that_asks_again_after_a_retry_can_be_given_up(signoff: Stack) -> None:
    project_id = await signoff.started("- Bad: `false` {#bad after_failure=ask}")
    first = await asked(signoff, project_id)
    await signoff.call("POST", f"/{project_id}/decisions/{first['id']}", json={"answer": "retry"})
    second = await signoff.question(project_id, after=first)
    await signoff.call("POST", f"/{project_id}/decisions/{second['id']}", json={"answer": "fail"})
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    assert project["tasks"][0]["attempt"] == 2


async def test_answers_by_hand_name_the_task(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.started("- Ship? {#ship decision=yes,no}", decision_mode="human")
    await asked(signoff_by_hand, project_id)
    handle = signoff_by_hand.temporal.get_workflow_handle(project_id)
    await handle.signal("answer", {"task": "ship", "answer": "perhaps"})
    await handle.signal("answer", {"task": "nothing", "answer": "yes"})
    await handle.signal("answer", {"task": "ship", "answer": "yes", "comment": "by hand"})
    project = await signoff_by_hand.finished(project_id)
    assert project["status"] == "completed"
    assert project["tasks"][0]["outputs"] == {
        "answer": "yes",
        "answered_by": "temporal (unauthenticated)",
        "comment": "by hand",
    }


async def test_a_cancel_withdraws_what_is_asked_for(signoff: Stack) -> None:
    project_id = await signoff.started(ASKING, decision_mode="human")
    question = await asked(signoff, project_id)
    await signoff.call("POST", f"/{project_id}/cancel")
    listed = await signoff.call("GET", f"/{project_id}/decisions?status=withdrawn")
    assert [item["id"] for item in listed["decisions"]] == [question["id"]]
    late = await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", status=409, json={"answer": "yes"})
    assert late["code"] == "decision_closed"


async def test_waits_can_be_cut_short(signoff: Stack) -> None:
    timers = "- Rest {#rest wait=1h}\n- Pause {#pause wait=1h}\n- Later: `true` {#later after=pause}"
    plan = f"{timers}\n- Flaky: `[ -e fixed ]` {{#flaky retries=9}}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "rest", "waiting")
    await signoff.task_in(project_id, "pause", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/rest/complete")
    # A task that has not started can be skipped too.
    await signoff.call("POST", f"/{project_id}/tasks/later/skip", json={"comment": "not today"})
    await signoff.call("POST", f"/{project_id}/tasks/pause/skip")

    async def pausing() -> bool:
        task = await signoff.task_in(project_id, "flaky", "waiting", "running")
        return task["status"] == "waiting" and task["attempt"] >= 4

    await eventually(pausing, what="the flaky task is in a longer back-off")
    (Path((await signoff.project(project_id))["workspace"]) / "fixed").touch()
    await signoff.call("POST", f"/{project_id}/tasks/flaky/retry")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    flaky = [event for event in await signoff.events(project_id) if event["data"].get("key") == "flaky"]
    pause = next(event for event in reversed(flaky) if event["type"] == "task.retrying")
    again = next(event for event in reversed(flaky) if event["type"] == "task.started")
    paused = parse_time(again["at"]) - parse_time(pause["at"])
    assert paused.total_seconds() < pause["data"]["next_try_in"]
    tasks = {task["key"]: task for task in project["tasks"]}
    assert {key: task["status"] for key, task in tasks.items()} == {
        "rest": "completed",
        "pause": "skipped",
        "later": "skipped",
        "flaky": "completed",
    }
    assert tasks["later"]["reason"] == "skipped_by_person"
