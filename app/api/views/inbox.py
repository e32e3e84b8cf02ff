"""Converts what waits for a person to the API's answer, with the number of findings of what would run."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from app.api.http.prefix import public
from app.domain.finding_counts import MAX_TASKS, FindingCounts
from app.domain.plan import PlanDraft
from app.storage.inbox import Waiting
from app.storage.inbox_details import PLANS, QUESTIONS, Details, ShownPlan, ShownTask
from signoff.schemas.inbox import InboxAnswer, InboxFindings, InboxItem
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import InboxKind

_PROJECTS = "/api/projects"


def show(items: Sequence[Waiting], details: Details, findings: FindingCounts) -> list[InboxItem]:
    """Return the items of a page as the API's answer has them. Takes CPU time, so call it in a thread."""
    room = MAX_TASKS
    shown: list[InboxItem] = []
    for item in items:
        plan = details.plans.get((item.project_id, int(item.item_id))) if item.kind in PLANS else None
        digest = plan.digest if plan is not None else None
        counts = findings.known(digest)
        if counts is None:
            rows = _rows(plan) if plan is not None else details.tasks.get(item.item_id, [])
            if rows and len(rows) <= room:
                room -= len(rows)
                counts = findings.count(rows, digest)
        found = InboxFindings(**counts) if counts is not None else None
        shown.append(_item(item, plan, details.options.get(item.item_id, []), found))
    return shown


def _rows(plan: ShownPlan) -> list[ShownTask]:
    try:
        draft = PlanDraft.model_validate(plan.draft)
    except ValidationError:
        # Somebody has altered the row. The audit says so.
        return []
    return [
        ShownTask(task.key, "", task.key, task.action.model_dump(mode="json"), task.agent_id, task.timeout_seconds)
        for task in draft.tasks()
    ]


def _item(item: Waiting, plan: ShownPlan | None, options: list[str], findings: InboxFindings | None) -> InboxItem:
    is_summary = plan is not None and item.kind != InboxKind.CHANGES_REQUESTED
    summary = str((plan.draft or {}).get("summary", "")) if plan is not None and is_summary else item.title
    is_question = item.kind in QUESTIONS
    return InboxItem(
        kind=item.kind,
        project_id=item.project_id,
        project_name=item.project_name,
        labels=item.labels,
        title=summary,
        since=item.since,
        expires_at=item.expires_at,
        task_id=item.task_id,
        task_key=item.task_key,
        phase_id=item.item_id if item.kind == InboxKind.PHASE else None,
        decision_id=item.item_id if is_question else None,
        plan_version=plan.version if plan is not None else None,
        plan_digest=plan.digest if plan is not None else None,
        options=options,
        findings=findings,
        answer=_answer(item, plan),
        page=page_of(item.project_id),
    )


def page_of(project_id: str) -> str:
    """Where the web page shows a project, and what waits in it."""
    return public(f"/projects/{project_id}")


def _answer(item: Waiting, plan: ShownPlan | None) -> InboxAnswer:
    base = public(f"{_PROJECTS}/{item.project_id}")
    body: JsonObject = {}
    if item.kind == InboxKind.CHANGES_REQUESTED:
        path = f"{base}/refine-plan"
    elif item.kind in PLANS and plan is not None:
        path = f"{base}/approve"
        body = {"plan_version": plan.version, "plan_digest": plan.digest}
    elif item.kind == InboxKind.PHASE:
        path = f"{base}/approve"
        body = {"phase_id": item.item_id}
    elif item.kind in QUESTIONS:
        path = f"{base}/decisions/{item.item_id}"
    else:
        verb = "retry" if item.kind == InboxKind.RELEASE else "complete"
        path = f"{base}/tasks/{item.item_id}/{verb}"
    return InboxAnswer(method="POST", path=path, body=body)
