"""Decisions: list open and past ones, and answer an open one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import Connection

from app.api.controllers.passkey_approvals import with_passkey
from app.api.http.actor import new_command
from app.api.http.answer_rules import check_answer
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import AnswerDecision
from app.api.http.outcome import RECORDED, recorded, submit
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views import conditions
from app.domain.commands import AnswerQuestion, CommandRecord
from app.domain.decisions import QuestionKind, QuestionStatus
from app.domain.two_people import others_of
from app.storage import advice, decisions, plans, projects, questions, tasks
from app.storage.advice import Proposal
from app.storage.questions import QuestionRow
from signoff.schemas.decisions import (
    AnsweredDecision,
    Decision,
    DecisionError,
    DecisionList,
    ModelProposal,
    SignedDifference,
)
from signoff.schemas.tasks import AnswerEffect
from signoff.vocabulary import Scope

# The statuses of questions, and the outcomes of requests.
Status = Literal["open", "answered", "expired", "withdrawn", "accepted", "refused"]


class DecisionController(Controller):
    """The decisions of one project."""

    path = "/api/projects/{project_id:str}/decisions"
    tags = ("decisions",)

    @get("/", operation_id="listDecisions", opt={SCOPE: Scope.READ}, summary="List open and past decisions")
    async def list_decisions(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        status: FromQuery[Status | None] = None,
    ) -> DecisionList:
        """Oldest first: the questions that tasks ask, and every request that was decided, including refused ones."""

        def work(conn: Connection) -> DecisionList:
            projects.get(conn, project_id)
            return all_decisions(conn, project_id, status)

        return await services.database.read(work)

    @get("/{decision_id:str}", operation_id="getDecision", opt={SCOPE: Scope.READ}, summary="Get a decision")
    async def get_decision(
        self, services: NamedDependency[Services], project_id: FromPath[str], decision_id: FromPath[str]
    ) -> Decision:
        """A question that a task asks, or a decision that was made."""

        def work(conn: Connection) -> Decision:
            projects.get(conn, project_id)
            made = decisions.by_id(conn, project_id, decision_id)
            if made is not None:
                return _made(made)
            row = questions.get(conn, project_id, decision_id)
            return _asked(row, _Around.of(conn, project_id, [row]))

        return await services.database.read(work)

    @post(
        "/{decision_id:str}",
        operation_id="answerDecision",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Answer an open decision",
        status_code=200,
        responses=RECORDED,
    )
    async def answer_decision(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        decision_id: FromPath[str],
        data: JSONBody[AnswerDecision],
    ) -> Response[AnsweredDecision]:
        """A decision can be answered only once: a second answer gets 409 with the first one."""

        def asked(conn: Connection) -> QuestionRow:
            projects.get(conn, project_id)
            return questions.get(conn, project_id, decision_id)

        await services.database.read(lambda conn: check_answer(conn, request, asked(conn)))
        answer = AnswerQuestion(decision=decision_id, answer=data.answer)
        answer = await with_passkey(request, services, project_id, answer, data.passkey)
        command = new_command(request, project_id, answer, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        answered = await services.database.read(lambda conn: _answered(conn, asked(conn)))
        return Response(AnsweredDecision(**answered.model_dump(), seal=decided.seal), headers=decided.headers)


def all_decisions(conn: Connection, project_id: str, status: str | None = None) -> DecisionList:
    """All decisions of a project, in the order in which they were opened or made."""
    rows = questions.all_of(conn, project_id)
    around = _Around.of(conn, project_id, rows)
    asked = [(row.opened_at, _asked(row, around)) for row in rows]
    made = [(item.at, _made(item)) for item in decisions.all_of(conn, project_id)]
    merged = [item for _, item in sorted([*asked, *made], key=lambda entry: entry[0])]
    chosen = [item for item in merged if status is None or item.status == status]
    open_ones = sum(item.status == QuestionStatus.OPEN for item in merged)
    return DecisionList(decisions=chosen, total=len(chosen), open=open_ones)


def _is_open_decision(row: QuestionRow) -> bool:
    return row.status == QuestionStatus.OPEN and row.kind == QuestionKind.DECISION


def _effects(conn: Connection, project_id: str) -> dict[str, list[AnswerEffect]]:
    """What follows from each answer to the decisions of the current plan, by the id of the task."""
    project = projects.get(conn, project_id)
    if project.plan_version is None:
        return {}
    ids = tasks.ids_by_key(conn, project_id)
    effects = conditions.answers(plans.effects(plans.current(conn, project)))
    return {ids[key]: listed for key, listed in effects.items() if key in ids}


def _others(conn: Connection, project_id: str) -> dict[str, list[str]]:
    """For decisions that two people share, by the id of the task: those that another person must have answered."""
    project = projects.get(conn, project_id)
    if project.plan_version is None:
        return {}
    ids = tasks.ids_by_key(conn, project_id)
    shared = others_of(plans.content(plans.current(conn, project)))
    return {ids[key]: others for key, others in shared.items() if key in ids}


@dataclass(frozen=True)
class _Around:
    """What is shown beside questions: by the id of the task or, for proposals, of the question."""

    effects: Mapping[str, list[AnswerEffect]]
    others: Mapping[str, list[str]]
    proposals: Mapping[str, Proposal]

    @classmethod
    def of(cls, conn: Connection, project_id: str, rows: Sequence[QuestionRow]) -> _Around:
        waiting = any(_is_open_decision(row) for row in rows)
        may_be_advised = any(row.kind in {QuestionKind.DECISION, QuestionKind.TASK_FAILED} for row in rows)
        return cls(
            _effects(conn, project_id) if waiting else {},
            _others(conn, project_id) if waiting else {},
            advice.proposals_of(conn, project_id) if may_be_advised else {},
        )


def _answered(conn: Connection, row: QuestionRow) -> Decision:
    return _asked(row, _Around.of(conn, row.project_id, [row]))


def _asked(row: QuestionRow, around: _Around) -> Decision:
    proposal = around.proposals.get(row.id)
    return Decision(
        id=row.id,
        project_id=row.project_id,
        kind=row.kind,
        status=cast("Status", row.status),
        task_id=row.task_id,
        question=row.question,
        options=row.options,
        default=row.default_answer,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        answer=row.answer,
        actor=row.closed_by,
        at=row.closed_at,
        differences=[SignedDifference.model_validate(item) for item in row.differences],
        follows=around.effects.get(row.task_id, []) if _is_open_decision(row) else [],
        other_than=around.others.get(row.task_id, []) if _is_open_decision(row) else [],
        proposal=ModelProposal.model_validate(proposal, from_attributes=True) if proposal is not None else None,
    )


def _made(made: CommandRecord) -> Decision:
    error, link = made.error, made.payload.get("link")
    return Decision(
        id=made.id,
        project_id=made.project_id,
        kind=made.kind,
        status=cast("Status", made.outcome),
        task_id=made.payload.get("task_id"),
        answer=made.payload.get("answer"),
        question_id=made.payload.get("decision"),
        actor=made.actor,
        **made.sender.origin,
        vouched_by=link.get("made_by") if link is not None else None,
        at=made.at,
        comment=made.comment,
        plan_version=made.plan_version,
        plan_digest=made.plan_digest,
        request_id=made.request_id,
        error=DecisionError(code=error.code, message=error.message) if error is not None else None,
    )
