"""The examples of the guide: one project from its description to its files, with every endpoint on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs.api_guide import people_examples, told
from docs.api_guide.guide import Guide
from docs.api_guide.review_examples import review

PLAN = """## Gather

- Count users: `echo users=42 >> "$SIGNOFF_OUTPUT"; echo counted` {#users}
- Check: `test -e ok.txt` {#check after_failure=ask}

## Report

- Write: `echo "$INPUT_USERS users" > report.txt` {#write files=report.txt}

  ```inputs
  users: ${{ tasks.users.outputs.users }}
  ```
- Send it? {#send decision=yes,no}
- [ ] Mail it {#mail after=send}
- Archive: `true` {#archive after=send}
"""
INTRODUCTION = """
# The REST API by example

Every endpoint with a request and its answer. `make docs` runs all of them and writes this page. Long answers are shortened: `…` marks
what is left out. The whole contract is the OpenAPI 3.1 document at `/schema/openapi.json`; browse it at `/schema`.

- All errors have the same body: `error` (the kind, by status), `code`, a `message` that says what to do, `details` by field, `context`
  (facts such as the current version), and `request_id`.
- **202** means that the request was durably recorded, but not decided or done yet. An event tells its outcome.
- Every POST takes an `Idempotency-Key`. A repeat gets the first answer again, with `Idempotency-Replayed: true`.
- If the server has a key, send `Authorization: Bearer …`. A browser can sign in once instead, and gets a cookie.
"""


def tell(guide: Guide, folder: Path) -> None:
    """Run all examples, in the order of the guide."""
    guide.write(INTRODUCTION)
    project = _project(guide)
    _plan(guide, project)
    _edits(guide, project)
    review(guide, project)
    _run(guide, project)
    _answers(guide, project)
    _look(guide, project)
    _files(guide, project, folder)
    _control(guide, project)
    _many(guide, project)
    people_examples.people(guide)
    people_examples.session(guide)
    told.inbox(guide)
    told.overview(guide)
    told.filters(guide)
    told.notifications(guide)
    _system(guide)


def _project(guide: Guide) -> str:
    guide.write("## Projects")
    body = {"name": "Weekly report", "description": PLAN}
    headers = {"Idempotency-Key": "weekly-report-2026-48"}
    created = guide.call("createProject", "POST", "/api/projects", body, status=201, headers=headers)
    base = f"/api/projects/{created['id']}"
    guide.call(
        "listProjects",
        "GET",
        "/api/projects?status=pending&search=report&created_after=2026-01-01&limit=10",
        about="Takes `status`, `search`, `label`, `ref`, `archived`, `created_after`, `created_before`, `updated_after`, "
        "`updated_before`, `sort_by`, `limit`, and `offset` or `cursor`. A time is a date, which means its beginning in UTC, or a "
        "time such as `2026-11-28T14:30:00Z`. `after` includes it, `before` does not.",
    )
    guide.call(
        "updateProject",
        "PUT",
        base,
        {"auto_approve_phases": False, "strategy": "balanced"},
        headers={"If-Match": '"r1"'},
        about="Omitted fields keep their values. `If-Match` takes the `ETag` of the project; a stale one gets 412.",
    )
    guide.call("getProject", "GET", base)
    return base


def _plan(guide: Guide, base: str) -> None:
    guide.write("## Plans")
    outline = "- Count: `wc -l *.csv > lines.txt` {#count}\n- [ ] Read it {#read after=cuont}\n"
    guide.call(
        "previewOutline",
        "POST",
        "/api/outline",
        {"description": outline},
        about="Previews what the planner `outline` would make of a description, without storing anything. If it makes a plan, "
        "`phases` has all of it, and `findings` has what an audit would point at. Otherwise, `problems` lists the errors.",
    )
    guide.call("previewOutline", "POST", "/api/outline", {"description": outline.replace("cuont", "count")})
    guide.call("generatePlan", "POST", f"{base}/generate-plan", {}, headers={"Prefer": "wait=10"})
    guide.call(
        "getPlan",
        "GET",
        f"{base}/plan",
        headers={"Accept": "text/markdown"},
        lines=30,
        about="JSON by default. As Markdown, it is an outline that makes the same plan.",
    )
    guide.call("getGraph", "GET", f"{base}/dag")
    guide.call(
        "getGraph",
        "GET",
        f"{base}/dag?format=mermaid",
        lines=20,
        about="The formats are `json`, `svg`, `dot` and `mermaid`.",
    )
    guide.call(
        "regeneratePlan",
        "POST",
        f"{base}/regenerate-plan",
        {"instructions": "as before"},
        show=True,
        about="Makes a new version at once. The one that waited is recorded as returned, with the instructions as the comment.",
    )


def _edits(guide: Guide, base: str) -> None:
    guide.write(
        "## Editing a plan\n\nEach edit makes the next version, which needs an approval. During a run, nothing more starts until then."
    )
    guide.call("listPhases", "GET", f"{base}/phases")
    guide.call("createPhase", "POST", f"{base}/phases", {"name": "Clean up", "requires_approval": False}, status=201)
    shell = {"type": "shell", "command": "rm -f *.tmp"}
    guide.call("createTask", "POST", f"{base}/tasks", {"title": "Remove scratch files", "action": shell}, status=201)
    guide.call("getTask", "GET", f"{base}/tasks/remove_scratch_files", show=True)
    guide.call("updateTask", "PUT", f"{base}/tasks/remove_scratch_files", {"timeout_seconds": 60, "retries": 1})
    guide.call("deleteTask", "DELETE", f"{base}/tasks/remove_scratch_files")
    edits: list[dict[str, Any]] = [
        {"op": "add_task", "title": "Say goodbye", "phase": "clean_up", "action": {"type": "milestone"}},
        {"op": "update_task", "task": "write", "retries": 2},
    ]
    guide.call(
        "refinePlan",
        "POST",
        f"{base}/refine-plan",
        {"edits": edits},
        about="Makes several edits at once, all or none: `add_task`, `update_task`, `remove_task`, `move_task`, `add_phase`, "
        "`update_phase`, `remove_phase`, `answer_question`. A `message` in plain words needs a planner with a model. `answers` are "
        "for the plan's `questions`: they are kept with the plan, and a model, if there is one, then makes a version that follows "
        "them.",
    )
    guide.call("listPlans", "GET", f"{base}/plans")
    guide.call("diffPlans", "GET", f"{base}/plan/diff?from=2&to=6")


def _run(guide: Guide, base: str) -> None:
    guide.write("## Approving a plan, and following the run")
    plan = guide.get(f"{base}/plan")
    body = {"plan_version": plan["version"], "plan_digest": plan["digest"], "comment": "ship it"}
    guide.call(
        "approveProject",
        "POST",
        f"{base}/approve",
        body,
        about="Approves exactly the plan that was read. If it has changed since, the answer is 409 `plan_superseded`. On a running "
        "project, the call approves the version that an edit has made, or opens the phase gate that waits.",
    )
    guide.until(f"{base}/decisions?status=open", lambda listed: listed["open"] == 1, "the failed task asks")
    guide.call(
        "streamEvents",
        "GET",
        f"{base}/events?follow=false&types=task.*",
        lines=14,
        about="Server-sent events, live until the project has finished. `Last-Event-ID` or `?after=N` resumes after that event.",
    )


def _answers(guide: Guide, base: str) -> None:
    guide.write("## Answering what a run asks")
    listed = guide.call("listDecisions", "GET", f"{base}/decisions?status=open")
    asked = listed["decisions"][0]["id"]
    guide.call("getDecision", "GET", f"{base}/decisions/{asked}")
    workspace = Path(guide.get(base)["workspace"])
    (workspace / "ok.txt").touch()
    guide.call(
        "answerDecision", "POST", f"{base}/decisions/{asked}", {"answer": "retry", "comment": "the file is there now"}
    )
    guide.until(base, lambda project: project["gate"] is not None, "the gate of the second phase")
    guide.call("pauseProject", "POST", f"{base}/pause", {"comment": "lunch"})
    guide.call("resumeProject", "POST", f"{base}/resume", {})
    added = {"title": "Archive the report", "action": {"type": "shell", "command": "tar -cf report.tar *.txt"}}
    guide.call("createTask", "POST", f"{base}/tasks", added, status=201, show=False)
    edited = guide.get(f"{base}/plan")
    guide.call(
        "discardEdit",
        "POST",
        f"{base}/discard-edit",
        {"plan_version": edited["version"], "plan_digest": edited["digest"], "comment": "not this week"},
        about="Says no to an edit of a running plan. The run continues with the plan as it was approved, and the version stays in "
        "the history.",
    )
    guide.call("approveProject", "POST", f"{base}/approve", {"comment": "continue"}, show=False)
    guide.call(
        "undoApproval",
        "POST",
        f"{base}/undo-approval",
        {"comment": "too early"},
        status=409,
        about="Withdraws an approval of your own that has not taken effect, because a policy gives time to undo it. Here, none does.",
    )
    listed = guide.until(f"{base}/decisions?status=open", lambda listed: listed["open"] == 1, "the decision task asks")
    guide.call(
        "answerDecision", "POST", f"{base}/decisions/{listed['decisions'][0]['id']}", {"answer": "yes"}, show=False
    )
    guide.until(f"{base}/tasks/mail", lambda task: task["status"] == "waiting", "the manual task waits")
    guide.call("completeTask", "POST", f"{base}/tasks/mail/complete", {"outputs": {"sent_to": 3}, "comment": "done"})
    guide.until(base, lambda project: project["stage"] == "finished", "the run has ended")


def _look(guide: Guide, base: str) -> None:
    guide.write("## Tasks, logs, runs, metrics and the audit")
    guide.call("listTasks", "GET", f"{base}/tasks?status=completed&limit=1")
    guide.call(
        "getTaskLog",
        "GET",
        f"{base}/tasks/users/logs",
        about="The log of the newest attempt, or of `?attempt=N`. `?follow=true` streams it as server-sent events.",
    )
    guide.call("listRuns", "GET", f"{base}/runs")
    guide.call("getMetrics", "GET", f"{base}/metrics")
    guide.call(
        "auditProject",
        "POST",
        f"{base}/audit",
        {},
        about="Checks the plan, the record, the files, and the hash chain of the events.",
    )
    guide.call(
        "beginPasskeyApproval",
        "POST",
        f"{base}/passkey-challenge",
        {"plan_version": 1, "plan_digest": "0" * 64},
        status=409,
        about="Answers with what the sender's own device has to sign for an approval; see [Passkeys](people.md#passkeys). At an "
        "address without a name:",
    )
    guide.call(
        "getCertificate",
        "GET",
        f"{base}/certificate",
        about="What was signed, by whom, and what came of it, signed by the server. `?format=html` is a page to print. "
        "[What a certificate proves](certificate.md) says how to check it.",
    )


def _files(guide: Guide, base: str, folder: Path) -> None:
    guide.write("## Files")
    guide.call("listOutputFiles", "GET", f"{base}/output-files")
    (folder / "data.csv").write_text("name,orders\nanna,3\n", encoding="utf-8")
    guide.call(
        "uploadFile",
        "POST",
        f"{base}/files/upload",
        arguments=("-F", f"file=@{folder / 'data.csv'}", "-F", "path=input/data.csv"),
    )
    guide.call("getFile", "GET", f"{base}/files/raw?path=input/data.csv", headers={"Range": "bytes=0-10"}, status=206)
    guide.call(
        "downloadProject",
        "GET",
        f"{base}/download",
        arguments=("-o", "-"),
        lines=1,
        about="A zip with the workspace under `files/`, logs under `logs/`, and `project.json, plan.json, tasks.json, "
        "events.jsonl, decisions.json`. `signoff verify` checks it offline.",
    )


def _control(guide: Guide, base: str) -> None:
    guide.write("## Retrying, skipping and cancelling")
    guide.call(
        "retryProject",
        "POST",
        f"{base}/retry",
        {"tasks": ["send"], "comment": "once more"},
        about="Continues from what failed. Named tasks run again, and so does everything that depends on them.",
    )
    guide.until(f"{base}/decisions?status=open", lambda listed: listed["open"] == 1, "the decision task asks again")
    guide.call(
        "skipTask",
        "POST",
        f"{base}/tasks/send/skip",
        {"comment": "not this week"},
        about="Skips a task that waits or has not started. For the tasks that depend on it, it is done.",
    )
    guide.until(f"{base}/tasks/mail", lambda task: task["status"] == "waiting", "the manual task waits")
    guide.call(
        "failTask",
        "POST",
        f"{base}/tasks/mail/fail",
        {"comment": ""},
        status=422,
        about="Reports that a task for a person did not work. It needs a comment that says why:",
    )
    guide.call(
        "retryTask",
        "POST",
        f"{base}/tasks/mail/retry",
        {},
        status=409,
        about="Starts the next attempt of a task that failed or lost its worker now. Here, no task has failed:",
    )
    guide.call("cancelProject", "POST", f"{base}/cancel", {"reason": "wrong week"})
    guide.call("cancelProject", "POST", f"{base}/cancel", {}, status=409, about="All errors look like this one:")


def _many(guide: Guide, base: str) -> None:
    guide.write("## Copying, archiving and deleting projects")
    copy = guide.call("duplicateProject", "POST", f"{base}/duplicate", {"name": "Weekly report 49"}, status=201)
    body = {"ids": [copy["id"], "proj_nothing"]}
    guide.call("archiveProjects", "POST", "/api/projects/batch/archive", {"ids": [base.rsplit("/", 1)[1], copy["id"]]})
    guide.call("deleteProjects", "POST", "/api/projects/batch/delete", body)
    guide.call("deleteProject", "DELETE", base)


def _system(guide: Guide) -> None:
    guide.write("## Agents, strategies, experts, keys and health")
    guide.call("listAgents", "GET", "/api/agents")
    guide.call("listStrategies", "GET", "/api/strategies")
    guide.call("listArchetypes", "GET", "/api/archetypes")
    guide.call("listTemplates", "GET", "/api/templates", about="The templates of the team come first.")
    guide.call(
        "listPolicies",
        "GET",
        "/api/policies",
        about="Who must sign what: see [Who must sign](policies.md). This server has no policies, so one approval is enough.",
    )
    guide.call(
        "getRecordKey",
        "GET",
        "/api/record-key",
        about="The public key for `signoff verify`, which checks an exported project offline. `findings` lists projects that were "
        "sealed and are gone from the database.",
    )
    guide.call("health", "GET", "/health")
    guide.call("ready", "GET", "/ready")
    guide.call("metrics", "GET", "/metrics", lines=10)
    guide.call(
        "streamLiveEvents",
        "GET",
        "/api/events",
        arguments=("--max-time", "1"),
        lines=3,
        about="Live events of all projects, for lists. They have no ids and cannot be replayed.",
    )
