"""Answers to the questions of a plan: as edits, which keep them with the plan, and as a change request for a model."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.api.http.bodies import MAX_TEXT_LENGTH, QuestionAnswer
from app.domain.errors import Invalid
from app.domain.known import as_message
from app.domain.plan import PlanDraft
from app.storage import plans, projects
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem


def check_asked(conn: Connection, project_id: str, answers: Sequence[QuestionAnswer]) -> None:
    """Check that the current plan asks each question, and that each is answered once.

    Raises:
        NotFound: there is no such project.
        Invalid: `details` names the answer.
    """
    project = projects.get(conn, project_id)
    if not answers:
        return
    draft = plans.content(plans.current(conn, project)) if project.plan_version is not None else PlanDraft()
    asked = [item.question for item in draft.questions]
    for number, item in enumerate(answers):
        message = ""
        if item.question not in asked:
            message = f"The plan does not ask '{item.question}'. Use the exact text of one of its questions."
        elif item.question in [earlier.question for earlier in answers[:number]]:
            message = f"'{item.question}' is answered twice. Answer each question once."
        if message:
            raise Invalid(message, details=[Problem(field=f"answers.{number}.question", message=message)])


def as_edits(answers: Sequence[QuestionAnswer]) -> list[JsonObject]:
    """Edits that keep the answers with the plan."""
    return [{"op": "answer_question", **item.model_dump()} for item in answers]


def in_words(answers: Sequence[QuestionAnswer], message: str | None) -> str | None:
    """What a model is asked to change: what the answers change, and what the message says.

    Raises:
        Invalid: it is too long for one request.
    """
    if not answers:
        return message
    words = as_message((item.question, item.answer) for item in answers)
    whole = f"{words}\n\n{message}" if message else words
    if len(whole) > MAX_TEXT_LENGTH:
        text = (
            f"The answers and the message have more than {MAX_TEXT_LENGTH} characters. Send them in several requests."
        )
        raise Invalid(text, details=[Problem(field="answers", message=text)])
    return whole
