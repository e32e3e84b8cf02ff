"""The request bodies with which people review a plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from app.api.http.bodies import MAX_COMMENT_LENGTH, Digest, Id, RequestBody, Version
from app.domain.plan import PLAIN

MAX_REMARK_LENGTH = 4_000


class ReviewPlan(RequestBody):
    """What a reviewer says about the plan that waits; omitted fields refer to the current version."""

    plan_version: Version | None = None
    plan_digest: Digest | None = None
    comment: Annotated[
        str, StringConstraints(min_length=1, max_length=MAX_COMMENT_LENGTH, strip_whitespace=True), PLAIN
    ] = Field(description="What must change, or why the plan is rejected.")


class CommentOnPlan(RequestBody):
    """A comment on a plan version, or on one of its tasks."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_REMARK_LENGTH, strip_whitespace=True), PLAIN]
    task: Id | None = Field(default=None, description="The id or key of the task; the whole plan if it is omitted.")
    version: Version | None = Field(
        default=None, description="The version; by default the current one, or the one that an edit of a run has made."
    )
