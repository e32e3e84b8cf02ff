"""Reviews of plans: request changes, reject, and comment."""

from __future__ import annotations

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.api.http.actor import actor_of, new_command
from app.api.http.any_request import AnyRequest
from app.api.http.idempotency import answer_once
from app.api.http.outcome import RECORDED, recorded, status_answer, submit
from app.api.http.permission import SCOPE
from app.api.http.review_bodies import CommentOnPlan, ReviewPlan
from app.api.http.services import Services
from app.domain import commands
from app.storage import comments, projects
from signoff.schemas.answers import StatusAnswer
from signoff.schemas.comments import PlanComment, PlanComments
from signoff.vocabulary import Scope


class ReviewController(Controller):
    """What people say about a plan, besides approving it."""

    path = "/api/projects/{project_id:str}"
    tags = ("plans",)

    @post(
        "/request-changes",
        operation_id="requestChanges",
        opt={SCOPE: Scope.APPROVE},
        summary="Request changes to the plan",
        status_code=200,
        responses=RECORDED,
    )
    async def request_changes(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[ReviewPlan],
    ) -> Response[StatusAnswer]:
        """The project then waits for its author (stage `changes_requested`), and nobody else can approve this version.

        The next version waits for approval again. Whoever requested the changes may approve the same version after all.
        """
        asked = commands.RequestChanges(plan_version=data.plan_version, plan_digest=data.plan_digest)
        return await _review(request, services, project_id, data, asked)

    @post(
        "/reject",
        operation_id="rejectPlan",
        opt={SCOPE: Scope.APPROVE},
        summary="Reject the plan",
        status_code=200,
        responses=RECORDED,
    )
    async def reject(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[ReviewPlan],
    ) -> Response[StatusAnswer]:
        """The project is cancelled, with the outcome `rejected`. A new version of the plan makes it pending again."""
        asked = commands.Reject(plan_version=data.plan_version, plan_digest=data.plan_digest)
        return await _review(request, services, project_id, data, asked)

    @get(
        "/plan/comments", operation_id="listComments", opt={SCOPE: Scope.READ}, summary="List the comments on the plan"
    )
    async def list_comments(self, services: NamedDependency[Services], project_id: FromPath[str]) -> PlanComments:
        """The comments on all versions and their tasks, oldest first."""
        found = await services.database.read(lambda conn: comments.all_of(conn, project_id))
        return PlanComments(comments=found, total=len(found))

    @post(
        "/plan/comments",
        operation_id="commentOnPlan",
        opt={SCOPE: (Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE)},
        summary="Comment on the plan",
        status_code=201,
    )
    async def comment_on_plan(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[CommentOnPlan],
    ) -> Response[PlanComment]:
        """The comment is part of the record, and can be neither changed nor removed. It decides nothing."""
        sender = actor_of(request)
        return await answer_once(
            request,
            services,
            lambda conn: comments.add(conn, project_id, data.text, task=data.task, version=data.version, actor=sender),
            status=201,
        )


async def _review(
    request: AnyRequest, services: Services, project_id: str, data: ReviewPlan, asked: commands.Command
) -> Response[StatusAnswer]:
    command = new_command(request, project_id, asked, comment=data.comment)
    decided = await submit(services, command)
    if decided is None:
        return await recorded(services, command)
    project = await services.database.read(lambda conn: projects.find(conn, project_id))
    return Response(status_answer(project, decided), headers=decided.headers)
