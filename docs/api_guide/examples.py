"""The story that the guide tells: one project from its description to its files, and everything that can be asked on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs.api_guide.guide import Guide

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

Every endpoint with a request and its answer, as it was run (`make docs` runs all of it again and writes this page). Long answers are
shortened: `…` stands for what is left out. The whole contract is the OpenAPI 3.1 document at `/schema/openapi.json`, to browse at
`/schema`.

- Every error has one body: `error` (its kind by status), `code`, a `message` to act on, `details` by field, `context` (facts such as
  the current version), `request_id`.
- **202** means: durably recorded, not yet decided or done; the outcome comes as an event.
- Every POST takes an `Idempotency-Key`: a repeat gets the first answer again, with `Idempotency-Replayed: true`.
- With keys, send `Authorization: Bearer …`; a browser may sign in once instead, for a cookie.
"""


def tell(guide: Guide, folder: Path) -> None:
    """All of it."""
    guide.write(INTRODUCTION)
    project = _project(guide)
    _plan(guide, project)
    _edits(guide, project)
    _run(guide, project)
    _answers(guide, project)
    _look(guide, project)
    _files(guide, project, folder)
    _control(guide, project)
    _many(guide, project)
    _session(guide)
    _system(guide)


def _project(guide: Guide) -> str:
    guide.write("## Projects")
    body = {"name": "Weekly report", "description": PLAN}
    headers = {"Idempotency-Key": "weekly-report-2026-48"}
    created = guide.call("createProject", "POST", "/api/projects", body, status=201, headers=headers)
    base = f"/api/projects/{created['id']}"
    guide.call("listProjects", "GET", "/api/projects?status=pending&search=report&limit=10")
    guide.call("updateProject", "PUT", base, {"auto_approve_phases": False, "strategy": "balanced"},
               headers={"If-Match": '"r1"'},
               about="What is omitted stays. `If-Match` takes the `ETag` of the project: 412 where it is stale.")  # fmt: skip
    guide.call("getProject", "GET", base)
    return base


def _plan(guide: Guide, base: str) -> None:
    guide.write("## Plans")
    outline = "- Count: `wc -l *.csv > lines.txt` {#count}\n- [ ] Read it {#read after=cuont}\n"
    guide.call("previewOutline", "POST", "/api/outline", {"description": outline},
               about="What the planner `outline` would make of a description, with nothing stored: for while it is written. Where it "
               "makes a plan, `phases` has it whole, and `findings` what an audit would point at.")  # fmt: skip
    guide.call("previewOutline", "POST", "/api/outline", {"description": outline.replace("cuont", "count")})
    guide.call("generatePlan", "POST", f"{base}/generate-plan", {}, headers={"Prefer": "wait=10"})
    guide.call("getPlan", "GET", f"{base}/plan", headers={"Accept": "text/markdown"}, lines=30,
               about="JSON by default; as Markdown it is the outline that makes the plan.")  # fmt: skip
    guide.call("getGraph", "GET", f"{base}/dag")
    guide.call("getGraph", "GET", f"{base}/dag?format=mermaid", lines=20,
               about="Also as `svg`, `dot` and `mermaid`.")  # fmt: skip
    guide.call("regeneratePlan", "POST", f"{base}/regenerate-plan", {"instructions": "as before"}, show=True,
               about="Sends the plan back, with words that are kept, and has a new one made.")  # fmt: skip


def _edits(guide: Guide, base: str) -> None:
    guide.write(
        "## Editing a plan\n\nEach edit makes the next version; in the middle of a run, one that the edit itself approves."
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
    guide.call("refinePlan", "POST", f"{base}/refine-plan", {"edits": edits},
               about="Several edits at once, all or none: `add_task`, `update_task`, `remove_task`, `move_task`, `add_phase`, "
               "`update_phase`, `remove_phase`. `message` in plain words needs a planner with a model.")  # fmt: skip
    guide.call("listPlans", "GET", f"{base}/plans")
    guide.call("diffPlans", "GET", f"{base}/plan/diff?from=2&to=6")


def _run(guide: Guide, base: str) -> None:
    guide.write("## Signing off, and the run")
    plan = guide.get(f"{base}/plan")
    body = {"plan_version": plan["version"], "plan_digest": plan["digest"], "comment": "ship it"}
    guide.call("approveProject", "POST", f"{base}/approve", body,
               about="Binds to exactly the plan that was read; 409 `plan_superseded` where it has changed. On a running project it opens "
               "the phase gate that waits.")  # fmt: skip
    guide.until(f"{base}/decisions?status=open", lambda listed: listed["open"] == 1, "the failed task asks")
    guide.call("streamEvents", "GET", f"{base}/events?follow=false&types=task.*", lines=14,
               about="Server-sent events, live until the project has finished; `Last-Event-ID` or `?after=N` resumes.")  # fmt: skip


def _answers(guide: Guide, base: str) -> None:
    guide.write("## Answers that a run waits for")
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
    guide.call("approveProject", "POST", f"{base}/approve", {"comment": "go on"}, show=False)
    listed = guide.until(f"{base}/decisions?status=open", lambda listed: listed["open"] == 1, "the decision task asks")
    guide.call(
        "answerDecision", "POST", f"{base}/decisions/{listed['decisions'][0]['id']}", {"answer": "yes"}, show=False
    )
    guide.until(f"{base}/tasks/mail", lambda task: task["status"] == "waiting", "the manual task waits")
    guide.call("completeTask", "POST", f"{base}/tasks/mail/complete", {"outputs": {"sent_to": 3}, "comment": "done"})
    guide.until(base, lambda project: project["stage"] == "finished", "the run has ended")


def _look(guide: Guide, base: str) -> None:
    guide.write("## Looking back")
    guide.call("listTasks", "GET", f"{base}/tasks?status=completed&limit=1")
    guide.call("getTaskLog", "GET", f"{base}/tasks/users/logs",
               about="Of the newest attempt, or of `?attempt=N`; `?follow=true` streams it as server-sent events.")  # fmt: skip
    guide.call("listRuns", "GET", f"{base}/runs")
    guide.call("getMetrics", "GET", f"{base}/metrics")
    guide.call("auditProject", "POST", f"{base}/audit", {},
               about="Checks plan, record and files, and the hash chain of the events.")  # fmt: skip


def _files(guide: Guide, base: str, folder: Path) -> None:
    guide.write("## Files")
    guide.call("listOutputFiles", "GET", f"{base}/output-files")
    (folder / "data.csv").write_text("name,orders\nanna,3\n", encoding="utf-8")
    guide.call("uploadFile", "POST", f"{base}/files/upload",
               arguments=("-F", f"file=@{folder / 'data.csv'}", "-F", "path=input/data.csv"))  # fmt: skip
    guide.call("getFile", "GET", f"{base}/files/raw?path=input/data.csv", headers={"Range": "bytes=0-10"}, status=206)
    guide.call("downloadProject", "GET", f"{base}/download", arguments=("-o", "-"), lines=1,
               about="A zip: the workspace under `files/`, logs under `logs/`, and `project.json, plan.json, tasks.json, "
                     "events.jsonl, decisions.json`. `signoff verify` checks it offline.")  # fmt: skip


def _control(guide: Guide, base: str) -> None:
    guide.write("## Again, and no more")
    guide.call("retryProject", "POST", f"{base}/retry", {"tasks": ["send"], "comment": "once more"},
               about="From what failed; tasks that are named run again with all that depend on them.")  # fmt: skip
    guide.until(f"{base}/decisions?status=open", lambda listed: listed["open"] == 1, "the decision task asks again")
    guide.call("skipTask", "POST", f"{base}/tasks/send/skip", {"comment": "not this week"},
               about="Of a task that waits, or has not started. It counts as done for those that depend on it.")  # fmt: skip
    guide.until(f"{base}/tasks/mail", lambda task: task["status"] == "waiting", "the manual task waits")
    guide.call("retryTask", "POST", f"{base}/tasks/mail/retry", {}, status=409,
               about="The next try of a task that failed or lost its worker, now. Here nothing failed:")  # fmt: skip
    guide.call("cancelProject", "POST", f"{base}/cancel", {"reason": "wrong week"})
    guide.call("cancelProject", "POST", f"{base}/cancel", {}, status=409, about="An error, as every error looks:")


def _many(guide: Guide, base: str) -> None:
    guide.write("## Copies and the end")
    copy = guide.call("duplicateProject", "POST", f"{base}/duplicate", {"name": "Weekly report 49"}, status=201)
    body = {"ids": [copy["id"], "proj_nothing"]}
    guide.call("deleteProjects", "POST", "/api/projects/batch/delete", body)
    guide.call("deleteProject", "DELETE", base)


def _session(guide: Guide) -> None:
    guide.write("## Signing in with a browser")
    guide.call("getSession", "GET", "/api/session",
               about="Open to all, for a page that has to know whether to ask for a key. `actor` is null where one is needed "
               "and none was given. This server has none.")  # fmt: skip
    guide.call("signIn", "POST", "/api/session", {"key": "…"},
               about="Where the server has a key: the cookie `signoff_session` for it, for 30 days, or 401. No script can read the cookie, "
               "and no other site has it sent.")  # fmt: skip
    guide.call("signOut", "DELETE", "/api/session")
    guide.call(
        "listSessions",
        "GET",
        "/api/sessions",
        about="Browsers that are signed in: each session is a row with an end, 30 days after it began.",
    )
    guide.call(
        "revokeSession",
        "DELETE",
        "/api/sessions/sess_01k00000000000000000000000",
        status=404,
        about="Ends one; its browser has to sign in again. 404 where there is none.",
    )


def _system(guide: Guide) -> None:
    guide.write("## What there is, and how it is")
    guide.call("listAgents", "GET", "/api/agents")
    guide.call("listStrategies", "GET", "/api/strategies")
    guide.call("listArchetypes", "GET", "/api/archetypes")
    guide.call("getRecordKey", "GET", "/api/record-key",
               about="For `signoff verify`, which checks an exported project offline; `findings` has projects that were sealed and are "
               "gone from the database.")  # fmt: skip
    guide.call("health", "GET", "/health")
    guide.call("ready", "GET", "/ready")
    guide.call("metrics", "GET", "/metrics", lines=10)
    guide.call("streamLiveEvents", "GET", "/api/events", arguments=("--max-time", "1"), lines=3,
               about="Live events of all projects, without ids and replay: for lists.")  # fmt: skip
