"""Plans: read, generate, refine and approve them; and cancel projects."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from sqlalchemy import Connection

from app.api.controllers.answering import as_edits, check_asked, in_words
from app.api.controllers.editing import check_sendable, refine
from app.api.controllers.passkey_approvals import with_passkey
from app.api.http.actor import new_command
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import (
    MAX_COMMENT_LENGTH,
    Approve,
    Cancel,
    DiscardEdit,
    MakePlan,
    QuestionAnswer,
    RefinePlan,
    UndoApproval,
)
from app.api.http.outcome import RECORDED, recorded, status_answer, submit
from app.api.http.permission import SCOPE
from app.api.http.plan_match import plan_to_match
from app.api.http.preconditions import etag
from app.api.http.remembered import encoded, grows, response_of
from app.api.http.services import Services
from app.api.views import present
from app.api.views.frozen import with_preview
from app.database.remembered_reads import Encoded
from app.domain import commands
from app.domain.edits import parse_edits
from app.domain.errors import Conflict, DomainError, ErrorInfo, Invalid
from app.llm.access import model_for
from app.storage import plans, projects, proposals
from app.storage.counts import count_outcomes
from app.storage.projects import ProjectRow
from app.temporal.commands import STOP_SECONDS
from signoff.schemas.answers import CancelAnswer, CancelCounts, StatusAnswer
from signoff.schemas.plans import Plan
from signoff.schemas.problems import Problem
from signoff.vocabulary import PlanStatus, ProjectStatus, Scope

DEFAULT_WAIT = 10
MAX_WAIT = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,6})", re.IGNORECASE)


class PlanController(Controller):
    """The plan of one project, and the decisions about it."""

    path = "/api/projects/{project_id:str}"
    tags = ("plans",)

    @get("/plan", operation_id="getPlan", opt={SCOPE: Scope.READ}, summary="Get the plan")
    async def get_plan(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        version: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)] = None,
    ) -> Response[Plan]:
        """The named version, the one that an edit of a run has made, or the current one.

        With `Accept: text/markdown`, the outline that makes this plan.
        """

        as_text = "text/markdown" in request.headers.get("accept", "")

        def work(conn: Connection) -> Encoded | Plan | str:
            row = projects.get(conn, project_id)
            chosen = version or proposals.version_waiting(conn, row) or plans.current_version(row)
            if as_text:
                from app.planning.render import to_markdown  # noqa: PLC0415 - with the parser of Markdown, which takes long to load

                return to_markdown(plans.content(plans.get(conn, project_id, chosen)), row.name)
            shown = present.plan(conn, row, chosen)
            # What the approval of a plan would freeze is read from files.
            if shown.status == PlanStatus.READY or any(grows(phase.tasks) for phase in shown.phases):
                return shown
            return encoded(shown, shown.digest)

        answer = await services.remembered_reads.read(("plan", project_id, version, as_text), work)
        if isinstance(answer, Encoded):
            return response_of(answer)
        if isinstance(answer, str):
            markdown: Response[Any] = Response(answer, media_type="text/markdown")
            return markdown
        return Response(await with_preview(services, answer), headers=etag(answer.digest))

    @post(
        "/generate-plan",
        operation_id="generatePlan",
        opt={SCOPE: Scope.AUTHOR},
        summary="Generate the first plan",
        status_code=200,
        responses=RECORDED,
    )
    async def generate_plan(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[MakePlan],
        prefer: Annotated[str | None, HeaderParameter(name="Prefer")] = None,
    ) -> Response[Plan]:
        """Answers 200 with the plan if it is ready within `Prefer: wait=N` seconds (10 by default), else 202."""
        return await _make_plan(request, services, project_id, commands.GeneratePlan(**data.model_dump()), prefer)

    @post(
        "/regenerate-plan",
        operation_id="regeneratePlan",
        opt={SCOPE: Scope.AUTHOR},
        summary="Generate a new plan",
        status_code=200,
        responses=RECORDED,
    )
    async def regenerate_plan(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[MakePlan],
        prefer: Annotated[str | None, HeaderParameter(name="Prefer")] = None,
    ) -> Response[Plan]:
        """The new version replaces the current one when it is ready. The project is then pending."""
        return await _make_plan(request, services, project_id, commands.RegeneratePlan(**data.model_dump()), prefer)

    @post(
        "/refine-plan",
        operation_id="refinePlan",
        opt={SCOPE: Scope.AUTHOR},
        summary="Refine the plan by edits or in words",
        status_code=200,
        responses=RECORDED,
    )
    async def refine_plan(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[RefinePlan],
        prefer: Annotated[str | None, HeaderParameter(name="Prefer")] = None,
    ) -> Response[Plan]:
        """Creates one new version with all edits and answers, or none. If there is a model, it then makes a version that follows
        the answers and the `message`.
        """
        answers = data.answers or []
        project, digest = await services.database.read(
            lambda conn: (_answerable(conn, project_id, answers), plan_to_match(conn, request, project_id))
        )
        edits = [*(data.edits or []), *as_edits(answers)]
        has_model = model_for(services.settings, project.strategy) is not None
        if data.message is None and not (answers and has_model):
            return await refine(request, services, project_id, edits)
        if data.message is not None and not data.message.strip():
            message = "Describe the changes in `message`, or leave it out."
            raise Invalid(message, details=[Problem(field="message", message=message)])
        if not has_model:
            message = (
                "Refining a plan in words needs a model, and none is configured. Send edits, or set SIGNOFF_MODEL."
            )
            raise Conflict(message, code="planner_unavailable")
        await asyncio.to_thread(parse_edits, edits)
        await asyncio.to_thread(check_sendable, services, edits)
        words = in_words(answers, data.message)
        command = commands.RegeneratePlan(
            planner="model", instructions=words, refine=True, edits=edits or None, plan_digest=digest
        )
        return await _make_plan(request, services, project_id, command, prefer)

    @post(
        "/approve",
        operation_id="approveProject",
        opt={SCOPE: Scope.APPROVE},
        summary="Approve and start",
        status_code=200,
        responses=RECORDED,
    )
    async def approve(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[Approve],
    ) -> Response[StatusAnswer]:
        """Approves the named plan, or else the current one, and starts the run.

        In a running project, approves the version that an edit has made, or else the phase that waits at its gate. If a policy
        gives time to undo, the approval takes effect at `approvals.undo_until`.
        """
        digest = await services.database.read(lambda conn: plan_to_match(conn, request, project_id))
        approval = commands.Approve(
            plan_version=data.plan_version,
            plan_digest=data.plan_digest or digest,
            phase_id=data.phase_id,
            frozen_digest=data.frozen_digest,
        )
        approval = await with_passkey(request, services, project_id, approval, data.passkey)
        command = new_command(request, project_id, approval, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        project = await services.database.read(lambda conn: projects.find(conn, project_id))
        return Response(status_answer(project, decided, ProjectStatus.RUNNING), headers=decided.headers)

    @post(
        "/undo-approval",
        operation_id="undoApproval",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Withdraw your approval",
        status_code=200,
        responses=RECORDED,
    )
    async def undo_approval(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[UndoApproval],
    ) -> Response[StatusAnswer]:
        """Withdraws an approval of your own that has not taken effect yet, because a policy gives time to undo it.

        What it was for waits for approval again. This applies to plans, edits, phases, tasks, retries and changes.
        """
        withdrawal = commands.WithdrawApproval(gate_id=data.gate_id)
        command = new_command(request, project_id, withdrawal, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        project = await services.database.read(lambda conn: projects.find(conn, project_id))
        return Response(status_answer(project, decided), headers=decided.headers)

    @post(
        "/discard-edit",
        operation_id="discardEdit",
        opt={SCOPE: Scope.APPROVE},
        summary="Discard an edit of a run",
        status_code=200,
        responses=RECORDED,
    )
    async def discard_edit(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[DiscardEdit],
    ) -> Response[StatusAnswer]:
        """Discards the version that edits of a running plan have made. The run continues with the version that was approved.

        The discarded version stays in the history.
        """
        digest = await services.database.read(lambda conn: plan_to_match(conn, request, project_id))
        discard = commands.DiscardEdit(plan_version=data.plan_version, plan_digest=data.plan_digest or digest)
        command = new_command(request, project_id, discard, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        project = await services.database.read(lambda conn: projects.find(conn, project_id))
        return Response(status_answer(project, decided), headers=decided.headers)

    @post(
        "/cancel",
        operation_id="cancelProject",
        opt={SCOPE: Scope.OPERATE},
        summary="Cancel a project",
        status_code=200,
        responses={
            202: ResponseSpec(
                CancelAnswer, description="Recorded; tasks are still being stopped.", generate_examples=False
            )
        },
    )
    async def cancel(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[Cancel],
    ) -> Response[CancelAnswer]:
        """Answers 200 when all tasks have stopped, or 202 if that takes more than 10 s."""
        command = new_command(request, project_id, commands.Cancel(), comment=data.reason)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        project = await services.commands.wait_until_settled(project_id, STOP_SECONDS)
        counts = await services.database.read(lambda conn: count_outcomes(conn, project_id))
        stopped = project is None or project.status != ProjectStatus.RUNNING
        answer = CancelAnswer(
            **status_answer(project, decided).model_dump(),
            tasks=CancelCounts(**counts),
            request_id=command.request_id,
        )
        return Response(answer, status_code=200 if stopped else 202, headers=decided.headers)


def _answerable(conn: Connection, project_id: str, answers: list[QuestionAnswer]) -> ProjectRow:
    check_asked(conn, project_id, answers)
    return projects.get(conn, project_id)


async def _make_plan(
    request: AnyRequest,
    services: Services,
    project_id: str,
    asked: commands.GeneratePlan,
    prefer: str | None,
) -> Response[Plan]:
    # The instructions with which a plan is sent back are the reviewer's comment.
    command = new_command(request, project_id, asked, comment=(asked.instructions or "")[:MAX_COMMENT_LENGTH])
    wait = _WAIT.search(prefer or "")
    seconds = min(int(wait[1]), MAX_WAIT) if wait else DEFAULT_WAIT
    deadline = time.monotonic() + seconds
    decided = await submit(services, command, seconds)
    if decided is None:
        return await recorded(services, command)
    version = decided.record.payload.get("version")
    await services.commands.wait_for_plan(project_id, int(version or 0), deadline - time.monotonic())

    def work(conn: Connection) -> Plan | None:
        row = projects.get(conn, project_id)
        made = plans.get(conn, project_id, int(version or 0))
        if made.status == PlanStatus.FAILED:
            raise DomainError.from_info(ErrorInfo.model_validate(made.failure))
        return present.plan(conn, row, made.version) if made.status != PlanStatus.GENERATING else None

    plan = await services.database.read(work)
    if plan is None:
        return await recorded(services, command, headers=decided.headers)
    return Response(await with_preview(services, plan), headers={**etag(plan.digest), **decided.headers})
