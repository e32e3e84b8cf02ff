"""A person's decision about a waiting task: a direct command, or the answer to a question that the task asks."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Connection

from app.commands import approvals, other_person, releases
from app.domain.command_seals import CommentSeal
from app.domain.commands import TASK_ANSWERS, CommandKind, CommandRecord
from app.domain.decisions import RUN_AS_IT_IS, QuestionKind, QuestionStatus
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.frozen import without_texts
from app.domain.states import SKIPPED_BY_PERSON, Situation
from app.domain.unseen import READ, shown_by
from app.storage import events, gates, plan_gates, plans, projects, questions, signed_gates, tasks
from app.storage.gates import GateRow
from app.storage.needs import is_being_cancelled
from app.storage.projects import ProjectRow, situation
from app.storage.questions import QuestionRow
from app.storage.tasks import TaskError, TaskRow
from signoff.schemas.event_data import DecisionMade
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.vocabulary import GateKind, TaskStatus, WaitReason, waits_for_person

_C, _S, _R, _F = TASK_ANSWERS
# What a person may do with a waiting task, by the reason it waits. A `decision` task is answered through its question.
ANSWERS: dict[str, frozenset[CommandKind]] = {
    WaitReason.MANUAL: frozenset({_C, _S, _F}),
    WaitReason.DECISION: frozenset({_S, _F}),
    WaitReason.AFTER_FAILURE: frozenset({_C, _S, _R, _F}),
    WaitReason.AGENT_QUESTION: frozenset({_C, _S, _F}),
    WaitReason.SIGNED_CHANGED: frozenset({_S, _F}),
    WaitReason.WORKER_LOST: frozenset({_C, _S, _R, _F}),
    WaitReason.RETRY: frozenset({_S, _R, _F}),
    WaitReason.TIMER: frozenset({_C, _S}),
    # To retry it is to run it now.
    WaitReason.RELEASE: frozenset({_C, _S, _R, _F}),
}
_NONE: frozenset[CommandKind] = frozenset()


def answer_task(conn: Connection, command: CommandRecord) -> None:
    """Apply a person's command to a task: complete, skip, retry or fail."""
    task = tasks.get(conn, command.project_id, str(command.payload.get("task")))
    _check_running(conn, command, task)
    allowed = _allowed(task)
    if command.kind not in allowed:
        raise Conflict(
            _refusal(task),
            code="task_not_waiting",
            context={"task_id": task.id, "status": task.status, "reason": task.reason, "allowed": sorted(allowed)},
        )
    if command.kind != CommandKind.FAIL:
        other_person.check(conn, command, task)
    command.payload = {**command.payload, "task_id": task.id, "key": task.key}
    outputs: JsonObject = command.payload.get("outputs") or {}
    if command.kind == CommandKind.COMPLETE and shown_by(task.action):
        # Only the app says what was read. It has put this into the outputs; a signal sent by hand has not.
        outputs = {**outputs, READ: {**(command.payload.get("read") or {})}}
    if not _is_released(conn, command, task):
        return
    _carry_out(conn, task, command, command.kind, outputs)


def answer_question(conn: Connection, command: CommandRecord) -> None:
    """Answer a task's decision. It can be answered once."""
    question = _asked(conn, command)
    answer = str(command.payload.get("answer"))
    if question.status != QuestionStatus.OPEN:
        code = "already_answered" if question.status == QuestionStatus.ANSWERED else "decision_closed"
        raise Conflict(f"This decision is already {question.status}.", code=code, context={"decision": shown(question)})
    task = tasks.get(conn, command.project_id, question.task_id)
    _check_running(conn, command, task)
    # A person may answer a model in other words than the model proposed.
    if question.options and question.kind != QuestionKind.AGENT and answer not in question.options:
        message = f"'{answer[:200]}' is not one of the options: {', '.join(question.options)}."
        raise Invalid(message, code="invalid_answer", details=[Problem(field="answer", message=message)])
    other_person.check(conn, command, task)
    releases.check_answer(conn, command.actor, task, question, answer)
    if question.kind == QuestionKind.CHANGED and answer == RUN_AS_IT_IS:
        command.payload = {**command.payload, "decision": question.id, "task_id": task.id, "key": task.key}
        project, gate = _gate_of_change(conn, task, question)
        _name_plan(conn, command, project)
        waits = signed_gates.of_change(conn, project, task, question)
        if not approvals.sign(conn, command, project, gate, waits=waits):
            return
    else:
        _refuse_device(command)
    _settle(conn, task, question, command, answer)


def _is_released(conn: Connection, command: CommandRecord, task: TaskRow) -> bool:
    """Whether enough people have released a task that waits for it. Any other answer needs only this one."""
    if task.reason != WaitReason.RELEASE or task.status != TaskStatus.WAITING or command.kind == CommandKind.FAIL:
        _refuse_device(command)
        return True
    project = projects.get(conn, task.project_id)
    _name_plan(conn, command, project)
    waits = signed_gates.of_task(conn, project, task, command.kind, command.payload)
    gate = gates.find(conn, project.id, GateKind.TASK, gates.in_run(task.id, project))
    return approvals.sign(conn, command, project, gate, waits=waits)


def _refuse_device(command: CommandRecord) -> None:
    """Refuse a passkey where nothing waits for approval."""
    if command.payload.get("passkey") is not None:
        message = "This does not wait for approval, so a passkey has nothing to sign. Answer without one."
        raise Invalid(message, code="passkey_invalid", details=[Problem(field="passkey", message=message)])


def _name_plan(conn: Connection, command: CommandRecord, project: ProjectRow) -> None:
    """Bind an answer that a device has signed to the plan whose digest it signed."""
    if command.payload.get("passkey") is not None:
        plan = plans.current(conn, project)
        command.plan_version, command.plan_digest = plan.version, plan.digest


def _gate_of_change(conn: Connection, task: TaskRow, question: QuestionRow) -> tuple[ProjectRow, GateRow | None]:
    """The gate of a task that would run with what nobody has signed. It opens with the first answer that asks for this."""
    project = projects.get(conn, task.project_id)
    found = gates.find(conn, project.id, GateKind.CHANGE, question.id)
    return project, found or plan_gates.open_task(
        conn, project, GateKind.CHANGE, question.id, plans.current(conn, project), task.key
    )


def expire_question(conn: Connection, command: CommandRecord) -> None:
    """Close a decision that nobody answered in time. Its default applies; without a default, its task fails."""
    question = _asked(conn, command)
    if question.status != QuestionStatus.OPEN:
        raise Conflict("This decision is already closed.", code="decision_closed")
    task = tasks.get(conn, command.project_id, question.task_id)
    if question.default_answer is not None:
        _settle(conn, task, question, command, question.default_answer, status=QuestionStatus.EXPIRED)
        return
    command.payload = {**command.payload, "task_id": task.id, "key": task.key, "effect": CommandKind.FAIL}
    error: TaskError = {
        "type": "decision_expired",
        "message": "Nobody answered in time, and the decision has no default.",
    }
    _close_question(conn, task, command, None, QuestionStatus.EXPIRED)
    seal: CommentSeal = {**command.seal()}
    tasks.close_task(conn, task, TaskStatus.FAILED, actor=command.sender, error=error, decided=seal)


def open_decision(conn: Connection, run_id: str, task: TaskRow, due_at: str | None) -> None:
    """Make a decision task ask its question."""
    fields = task.action
    default = cast("str | None", fields.get("default"))
    tasks.open_task(conn, task, reason=WaitReason.DECISION, due_at=due_at)
    asked = str(fields.get("question") or task.title)
    options = cast("list[str]", fields.get("options") or [])
    kind = QuestionKind.DECISION
    questions.ask(conn, task, run_id, kind, asked, options=options, default=default, expires_at=due_at)


def shown(question: QuestionRow) -> JsonObject:
    """Return a question and its outcome, for the context of an error."""
    return {
        "id": question.id,
        "status": question.status,
        "answer": question.answer,
        "closed_at": question.closed_at,
        "closed_by": question.closed_by,
        "decision_id": question.decision_id,
    }


def _check_running(conn: Connection, command: CommandRecord, task: TaskRow) -> None:
    project = projects.get(conn, command.project_id)
    cancelled = is_being_cancelled(conn, project.stage, task.phase_id)
    if situation(project) != Situation.RUNNING or cancelled:
        raise Conflict("The project is not running.", code="project_not_running")


def _allowed(task: TaskRow) -> frozenset[CommandKind]:
    if task.status == TaskStatus.PENDING:
        return frozenset({CommandKind.SKIP})
    if task.status != TaskStatus.WAITING:
        return _NONE
    if task.reason == WaitReason.WORKER_LOST and not waits_for_person(task.reason, task.due_at):
        return _NONE
    return ANSWERS.get(task.reason or "", _NONE)


def _refusal(task: TaskRow) -> str:
    if task.status == TaskStatus.WAITING and task.reason == WaitReason.DECISION:
        return f"Task '{task.key}' asks for a decision. Answer the decision, or skip the task."
    return f"Task '{task.key}' is {task.status} and does not accept this command."


def _asked(conn: Connection, command: CommandRecord) -> QuestionRow:
    """Return the question that a decision answers, found by the question's id or by its task."""
    named = command.payload.get("decision")
    if named:
        return questions.get(conn, command.project_id, str(named))
    task = tasks.get(conn, command.project_id, str(command.payload.get("task")))
    question = questions.latest_of(conn, task.id)
    if question is None:
        raise NotFound(f"Task '{task.key}' does not ask for a decision.", code="decision_not_found")
    return question


def _settle(
    conn: Connection,
    task: TaskRow,
    question: QuestionRow,
    command: CommandRecord,
    answer: str,
    *,
    status: QuestionStatus = QuestionStatus.ANSWERED,
) -> None:
    """Apply the answer to a question to its task."""
    is_decision = question.kind == QuestionKind.DECISION
    # The answer to an agent's question, or to "run it as it is", lets the task continue.
    runs = question.kind == QuestionKind.CHANGED and answer == RUN_AS_IT_IS
    goes_on = CommandKind.RETRY if question.kind == QuestionKind.AGENT or runs else None
    effect = CommandKind.COMPLETE if is_decision else goes_on or CommandKind(answer)
    command.payload = {
        **command.payload,
        "decision": question.id,
        "answer": answer,
        "task_id": task.id,
        "key": task.key,
        "effect": effect,
    }
    if question.kind == QuestionKind.CHANGED:
        # The answer is bound to the differences that the person saw, whether it accepts them or not.
        command.payload["changed"] = without_texts(question.differences)
    given: JsonObject = command.payload.get("outputs") or {}
    if given and (is_decision or effect not in {CommandKind.COMPLETE, CommandKind.SKIP}):
        message = "Outputs can be given only with an answer that skips or completes a task. Remove them."
        raise Invalid(message, code="outputs_unused", details=[Problem(field="outputs", message=message)])
    outputs = _outputs(command, answer) if is_decision else given
    _carry_out(conn, task, command, effect, outputs, answer=answer, status=status)


def _outputs(command: CommandRecord, answer: str) -> JsonObject:
    return {"answer": answer, "answered_by": command.actor, "comment": command.comment}


def _close_question(
    conn: Connection, task: TaskRow, command: CommandRecord, answer: str | None, status: QuestionStatus
) -> None:
    questions.close(conn, task, status, answer=answer, by=command.actor, decision_id=command.id)


def _carry_out(
    conn: Connection,
    task: TaskRow,
    command: CommandRecord,
    effect: CommandKind,
    outputs: JsonObject,
    *,
    answer: str | None = None,
    status: QuestionStatus = QuestionStatus.ANSWERED,
) -> None:
    seal: CommentSeal = {"comment": command.comment, **command.seal()}
    if effect == CommandKind.RETRY:
        tasks.await_next_try(conn, task)
        made = DecisionMade(**tasks.describe(task), kind=command.kind, answer=effect, **seal)
        events.append(conn, task.project_id, made, actor=command.sender)
    elif effect == CommandKind.COMPLETE:
        tasks.close_task(conn, task, TaskStatus.COMPLETED, actor=command.sender, outputs=outputs, decided=seal)
    elif effect == CommandKind.SKIP:
        tasks.close_task(
            conn,
            task,
            TaskStatus.SKIPPED,
            actor=command.sender,
            reason=SKIPPED_BY_PERSON,
            outputs=task.outputs | outputs,
            decided=seal,
        )
    else:
        tasks.close_task(
            conn,
            task,
            TaskStatus.FAILED,
            actor=command.sender,
            outputs=task.outputs,
            error=_error(task, command),
            decided=seal,
        )
    _close_question(conn, task, command, answer or effect, status)


def _error(task: TaskRow, command: CommandRecord) -> TaskError:
    """Return the error of a task that a person marked as failed: the task's own error, or else the person's comment."""
    if command.kind == CommandKind.FAIL and task.error is None:
        message = f"{command.actor} reported that it did not work: {command.comment}"
        return {"type": "failed_by_person", "message": message}
    if task.error is not None:
        return task.error
    return {"type": "failed_by_person", "message": command.comment or "A person marked this task as failed."}
