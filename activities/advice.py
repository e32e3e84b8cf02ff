"""The activity in which a model answers a question that the plan or the project leaves to it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, create_model
from sqlalchemy import Connection
from temporalio import activity

from activities import prompts
from activities.actions.masking import Masker
from activities.decision_facts import Facts, beginnings, has_text, read_facts
from activities.heartbeat import Heartbeat, Stop
from activities.run_state import decided, project_state
from app.commands import releases
from app.commands.handlers import HANDLERS
from app.database.database import Database
from app.domain.budget import BudgetExceeded
from app.domain.commands import AnswerQuestion, CommandKind, CommandRequest
from app.domain.decisions import MODEL_ACTOR, QuestionKind, QuestionStatus
from app.domain.errors import Conflict, DomainError, NotFound
from app.domain.material import RULE, framed
from app.llm.access import ModelAccess, load, model_for
from app.llm.clock import time_in_words
from app.settings import Settings
from app.storage import decisions, events, needs, plans, projects, questions, tasks
from app.storage.advice import STEP, Proposal
from app.storage.model_steps import Conversation
from app.storage.projects import ProjectRow
from app.storage.questions import QuestionRow
from app.storage.tasks import TaskRow
from app.workspace.workspaces import workspaces_of
from signoff.schemas.event_data import TaskProgress
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import DecisionMode
from workflows.activity_types import AdviceActivities
from workflows.contracts import AdviceRequest, Decided

REPAIRS = 2
# How many times a model may retry a failed task before a person is asked.
MAX_RETRIES = 3
MAX_CHARACTERS = 12_000
# The same limit as for people.
MAX_ANSWER_LENGTH = 10_000
logger = logging.getLogger(__name__)
# Type checkers read the values of a Literal; here, the values are known only at run time.
_LITERAL: Any = Literal


class Answer(BaseModel):
    """A model's answer to a question."""

    answer: Annotated[str, StringConstraints(min_length=1, max_length=MAX_ANSWER_LENGTH, strip_whitespace=True)]
    sure: bool
    reason: str = Field(min_length=1, max_length=2000)


class Advice(AdviceActivities):
    """The advice activity, bound to a database.

    Args:
        database: the database with the questions and their answers.
        settings: the settings that name the model.
        masker: masks the worker's secrets in the files that the model is shown.
    """

    def __init__(self, database: Database, settings: Settings, masker: Masker) -> None:
        self._database = database
        self._settings = settings
        self._masker = masker
        self._workspaces = workspaces_of(settings)

    @activity.defn
    async def advise(self, request: AdviceRequest) -> Decided:
        """Answer the task's open decision with the model. The result is not accepted if the decision is left to a person."""
        heartbeat = Heartbeat()
        try:
            return await heartbeat.run(self._advise(request))
        except asyncio.CancelledError:
            if heartbeat.stop == Stop.CANCELLED:
                await heartbeat.end_as_cancelled()
            raise

    async def _advise(self, request: AdviceRequest) -> Decided:
        case = await self._database.read(lambda conn: _read(conn, request))
        question = case.question
        if question is not None and question.status != QuestionStatus.OPEN:
            # Perhaps this activity answered it, and its worker was lost before it could report the answer.
            return await self._database.read(lambda conn: _decided_before(conn, request, question))
        access = model_for(self._settings, case.project.strategy)
        if access is None or question is None or not case.is_for_models:
            return await self._database.transact(lambda conn: _left_open(conn, request))
        try:
            said = await self._ask(case, question, access)
        except DomainError as error:
            why = f"The model could not decide: {error.info.message}"
            return await self._database.transact(lambda conn: _left_open(conn, request, case.task, question, why))
        if isinstance(said, str):
            return await self._database.transact(lambda conn: _left_open(conn, request, case.task, question, said))
        model = access.name
        return await self._database.transact(lambda conn: _decide(conn, request, case.task, question, said, model))

    async def _ask(self, case: _Case, question: QuestionRow, access: ModelAccess) -> Answer | str:
        """The model's answer, or why it has none.

        Raises:
            DomainError: the model cannot be asked.
        """
        if case.retries >= MAX_RETRIES:
            return f"The model has already retried the task {case.retries} times."
        files = await asyncio.to_thread(self._files, case)
        if not case.facts.shown and not has_text(files):
            return "The model was not asked: no task before this decision has an output or a file that it could judge."
        await load("app.llm.asking")
        from app.llm.asking import ask  # noqa: PLC0415 - loaded only when a model is called
        from app.llm.ledger import DatabaseLedger  # noqa: PLC0415

        conversation = Conversation(case.project.id, f"decision:{question.id}")
        return await ask(
            access,
            DatabaseLedger(self._database, self._settings, conversation),
            _shape(question),
            lambda answer: answer,
            repairs=REPAIRS,
            instructions=prompts.text("decider", data_rule=RULE),
            request=lambda began: _question(case, question, files, began),
        )

    def _files(self, case: _Case) -> list[JsonObject]:
        try:
            workspace = self._workspaces.checked(case.project.workspace, case.project.path)
        except (Conflict, NotFound):
            return []
        return beginnings(workspace, case.facts.files, self._masker)


@dataclass(frozen=True)
class _Case:
    """A question, and what the record knows about it. `retries` counts how often a model had the task retried."""

    project: ProjectRow
    project_text: str
    task: TaskRow
    question: QuestionRow | None
    is_for_models: bool
    facts: Facts
    retries: int


def _read(conn: Connection, request: AdviceRequest) -> _Case:
    project = projects.get(conn, request.project_id)
    signed = plans.contents(plans.current(conn, project)).settings
    name = signed.get("project_name", project.name)
    description = signed.get("project_description", project.description) or ""
    text = f"Project: {name}\n{description[:MAX_CHARACTERS]}"
    task = tasks.get(conn, request.project_id, request.task)
    question = questions.latest_of(conn, task.id)
    retries = questions.count_answers(conn, task.id, request.run_id, answer=CommandKind.RETRY, by=MODEL_ACTOR)
    is_for_models = question is not None and _is_for_models(conn, project, task, question, request)
    facts = read_facts(conn, project, task, question) if question is not None else Facts({}, {}, shown=False)
    return _Case(project, text, task, question, is_for_models, facts, retries)


def _is_for_models(
    conn: Connection, project: ProjectRow, task: TaskRow, question: QuestionRow, request: AdviceRequest
) -> bool:
    """Whether the record leaves this question to a model. The workflow's own state is not trusted; it could be forged."""
    if project.run_id != request.run_id:
        return False
    if question.kind == QuestionKind.DECISION:
        return needs.is_left_to_model(conn, project, task)
    out_of_budget = task.error is not None and task.error["type"] == BudgetExceeded.default_code
    is_failure = question.kind == QuestionKind.TASK_FAILED and not out_of_budget
    return is_failure and project.decision_mode == DecisionMode.AGENT


def _shape(question: QuestionRow) -> type[Answer]:
    if not question.options:
        return Answer
    return create_model("Answer", __base__=Answer, answer=(_LITERAL[tuple(question.options)], ...))


def _question(case: _Case, question: QuestionRow, files: Sequence[JsonObject], began: datetime) -> str:
    options = f"Options: {', '.join(question.options)}" if question.options else "Answer with any short text."
    parts = [
        case.project_text,
        time_in_words(began),
        f"Question: {question.question}",
        options,
        prompts.text("after_a_failure") if question.kind == QuestionKind.TASK_FAILED else "",
        framed(json.dumps({**case.facts.known, "files": files}, ensure_ascii=False)),
    ]
    return "\n\n".join(part for part in parts if part)


def _decide(
    conn: Connection, request: AdviceRequest, task: TaskRow, question: QuestionRow, advice: Answer, model: str
) -> Decided:
    why = releases.objection(conn, task, question, advice.answer) if advice.sure else "The model is not sure."
    if why is not None:
        told = f"The model would answer '{advice.answer}': {advice.reason} {why}"
        return _left_open(conn, request, task, question, told, Proposal(advice.answer, advice.reason, model, why))
    answer = CommandRequest(
        project_id=request.project_id,
        request_id=_request_id(question),
        kind=AnswerQuestion.kind,
        actor=f"{MODEL_ACTOR}{model}",
        comment=advice.reason,
        payload=AnswerQuestion(decision=question.id, answer=advice.answer).payload,
    )
    return decided(conn, decisions.decide(conn, answer, HANDLERS[answer.kind]))


def _decided_before(conn: Connection, request: AdviceRequest, question: QuestionRow) -> Decided:
    decision = decisions.find(conn, request.project_id, _request_id(question))
    return decided(conn, decision) if decision is not None else _left_open(conn, request)


def _request_id(question: QuestionRow) -> str:
    return f"advice:{question.id}"


def _left_open(
    conn: Connection,
    request: AdviceRequest,
    task: TaskRow | None = None,
    question: QuestionRow | None = None,
    why: str = "",
    proposal: Proposal | None = None,
) -> Decided:
    """Leave the question to a person. An event records the reason, and what the model proposes."""
    if task is not None and question is not None:
        logger.info("decision %s of project %s is left to a person: %s", question.id, request.project_id, why)
        left = TaskProgress(
            **tasks.describe(task),
            step=STEP,
            question_id=question.id,
            reason=why[:2000],
            answer=proposal.answer if proposal is not None else None,
            said=proposal.reason if proposal is not None else None,
            model=proposal.model if proposal is not None else None,
            left_because=proposal.left_because if proposal is not None else None,
        )
        events.append(conn, request.project_id, left, actor="worker")
    return Decided(accepted=False, kind=CommandKind.ANSWER, state=project_state(conn, request.project_id))
