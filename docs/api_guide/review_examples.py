"""The part of the guide about reviewing plans."""

from __future__ import annotations

from docs.api_guide.guide import Guide


def review(guide: Guide, base: str) -> None:
    """Comment on the plan, request changes to it, and reject the plan of a copy."""
    guide.write(
        "## Reviewing a plan\n\nBesides approving a plan, a reviewer can request changes to it, or reject it. "
        "See [Review a plan](reviews.md)."
    )
    guide.call(
        "commentOnPlan",
        "POST",
        f"{base}/plan/comments",
        {"text": "Is the log still needed?", "task": "write"},
        status=201,
        about="A comment decides nothing. It is part of the record, and can be neither changed nor removed.",
    )
    guide.call("listComments", "GET", f"{base}/plan/comments")
    plan = guide.get(f"{base}/plan")
    read = {"plan_version": plan["version"], "plan_digest": plan["digest"]}
    guide.call(
        "requestChanges",
        "POST",
        f"{base}/request-changes",
        {**read, "comment": "Give it more time."},
        about="The project then waits for its author. The next version waits for approval again.",
    )
    guide.call("updateTask", "PUT", f"{base}/tasks/write", {"timeout_seconds": 120}, show=False)
    copy = guide.call("duplicateProject", "POST", f"{base}/duplicate", {"name": "Another"}, status=201, show=False)
    guide.call(
        "rejectPlan",
        "POST",
        f"/api/projects/{copy['id']}/reject",
        {"comment": "One report is enough."},
        about="The project is cancelled, with the outcome `rejected`.",
    )
