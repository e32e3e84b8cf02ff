"""The activity in which a model answers an open decision, if the project's `decision_mode` is `agent`."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, create_model
from sqlalchemy import Connection
from temporalio import activity

from activities.heartbeat import Heartbeat, Stop
from activities.run_state import decided, project_state
from app.commands.handlers import HANDLERS
from app.database.database import Database
from app.domain.budget import BudgetExceeded
from app.domain.commands import AnswerQuestion, CommandKind, CommandRequest
from app.domain.decisions import QuestionKind, QuestionStatus
from app.domain.errors import DomainError
from app.domain.material import RULE, framed
from app.llm.access import load, model_for
from app.llm.clock import now_in_words
from app.settings import Settings
from app.storage import decisions, events, plans, projects, questions, tasks
from app.storage.model_steps import Conversation
from app.storage.projects import ProjectRow
from app.storage.questions import QuestionRow
from app.storage.tasks import TaskRow
from signoff.schemas.event_data import TaskProgress
from signoff.vocabulary import DecisionMode
from workflows.activity_types import AdviceActivities
from workflows.contracts import AdviceRequest, Decided

REPAIRS = 2
# How many times a model may retry a failed task before a person is asked.
MAX_RETRIES = 3
MAX_CHARACTERS = 12_000
# The same limit as for people.
MAX_ANSWER_LENGTH = 10_000
MODEL_ACTOR = "model:"
logger = logging.getLogger(__name__)
# Type checkers read the values of a Literal; here, the values are known only at run time.
_LITERAL: Any = Literal
# What the model learns about the tasks before this one, by key.
_Facts = dict[str, dict[str, object]]

_RULES = (
    """\
The people of an automation project have asked you to answer a question for them. Base your answer on the project's purpose and
on the facts below. In `reason`, explain the basis of your answer in one or two sentences. Set `sure` to false if the facts do
not settle the question, if a wrong choice could not be undone, or if it is a matter of taste, law, money or somebody's consent.
A person then decides instead. """
    + RULE
)
_AFTER_A_FAILURE = """\
The task has failed. Choose `retry` if the cause may go away without a change (a busy server, a lost connection). A mistake in
the command or its input will fail again. Choose `skip` to let the tasks after it run as if it had succeeded. Choose `fail` to
accept the failure."""


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
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

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
        project, project_text, task, question, facts, retries = await self._database.read(
            lambda conn: _read(conn, request)
        )
        if question is not None and question.status != QuestionStatus.OPEN:
            # Perhaps this activity answered it, and its worker was lost before it could report the answer.
            return await self._database.read(lambda conn: _decided_before(conn, request, question))
        access = model_for(self._settings, project.strategy)
        if access is None or question is None or not _is_for_models(project, task, question, request):
            return await self._database.transact(lambda conn: _left_open(conn, request))
        if retries >= MAX_RETRIES:
            why = f"The model has already retried the task {retries} times."
            return await self._database.transact(lambda conn: _left_open(conn, request, task, question, why))
        try:
            await load("app.llm.asking")
            from app.llm.asking import ask  # noqa: PLC0415 - loaded only when a model is called
            from app.llm.ledger import DatabaseLedger  # noqa: PLC0415

            ledger = DatabaseLedger(self._database, self._settings, Conversation(project.id, f"decision:{question.id}"))
            said = await ask(
                access,
                ledger,
                _shape(question),
                lambda answer: answer,
                repairs=REPAIRS,
                instructions=_RULES,
                request=_question(project_text, task, question, facts),
            )
        except DomainError as error:
            why = f"The model could not decide: {error.info.message}"
            return await self._database.transact(lambda conn: _left_open(conn, request, task, question, why))
        if not said.sure:
            why = f"The model was not sure. It would answer '{said.answer}': {said.reason}"
            return await self._database.transact(lambda conn: _left_open(conn, request, task, question, why))
        return await self._database.transact(lambda conn: _decide(conn, request, question, said, access.name))


def _read(conn: Connection, request: AdviceRequest) -> tuple[ProjectRow, str, TaskRow, QuestionRow | None, _Facts, int]:
    project = projects.get(conn, request.project_id)
    signed = plans.contents(plans.current(conn, project)).settings
    name = signed.get("project_name", project.name)
    description = signed.get("project_description", project.description) or ""
    project_text = f"Project: {name}\n{description[:MAX_CHARACTERS]}"
    task = tasks.get(conn, request.project_id, request.task)
    before = [tasks.get(conn, request.project_id, key) for key in task.depends_on]
    facts: _Facts = {row.key: {"title": row.title, "status": row.status, "outputs": row.outputs} for row in before}
    retries = questions.count_answers(conn, task.id, request.run_id, answer=CommandKind.RETRY, by=MODEL_ACTOR)
    return project, project_text, task, questions.latest_of(conn, task.id), facts, retries


def _is_for_models(project: ProjectRow, task: TaskRow, question: QuestionRow, request: AdviceRequest) -> bool:
    """Whether the record leaves this question to a model. The workflow's own state is not trusted; it could be forged."""
    if project.decision_mode != DecisionMode.AGENT or project.run_id != request.run_id:
        return False
    out_of_budget = task.error is not None and task.error["type"] == BudgetExceeded.default_code
    return question.kind == QuestionKind.DECISION or (question.kind == QuestionKind.TASK_FAILED and not out_of_budget)


def _shape(question: QuestionRow) -> type[Answer]:
    if not question.options:
        return Answer
    return create_model("Answer", __base__=Answer, answer=(_LITERAL[tuple(question.options)], ...))


def _question(project: str, task: TaskRow, question: QuestionRow, facts: _Facts) -> str:
    options = f"Options: {', '.join(question.options)}" if question.options else "Answer with any short text."
    known: dict[str, object] = {"task": task.title, "description": task.description, "before_it": facts}
    if question.kind == QuestionKind.TASK_FAILED:
        known |= {"error": task.error, "attempts": task.attempt, "action": task.action, "outputs": task.outputs}
    data = json.dumps(known, ensure_ascii=False)[:MAX_CHARACTERS]
    parts = [
        project,
        now_in_words(),
        f"Question: {question.question}",
        options,
        _AFTER_A_FAILURE if question.kind == QuestionKind.TASK_FAILED else "",
        framed(data),
    ]
    return "\n\n".join(part for part in parts if part)


def _decide(conn: Connection, request: AdviceRequest, question: QuestionRow, advice: Answer, model: str) -> Decided:
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
) -> Decided:
    """Leave the question to a person. An event records the reason."""
    if task is not None and question is not None:
        logger.info("decision %s of project %s is left to a person: %s", question.id, request.project_id, why)
        left = TaskProgress(**tasks.describe(task), step="advice", question_id=question.id, reason=why[:2000])
        events.append(conn, request.project_id, left, actor="worker")
    return Decided(accepted=False, kind=CommandKind.ANSWER, state=project_state(conn, request.project_id))
