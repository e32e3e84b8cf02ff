"""What a plan assumes and asks. Both stay with the plan from version to version, until somebody settles them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypedDict

from app.domain.plan import PlanDraft, Question

# How plans of older versions have assumptions and open questions among their warnings.
_ASSUMPTION, _QUESTION = "Assumption: ", "Open question: "


def open_questions(draft: PlanDraft) -> list[str]:
    """The questions of a plan that nobody has answered."""
    return [item.question for item in draft.questions if item.answer is None]


class LeftOpen(TypedDict, total=False):
    """The questions that an approval leaves open, if there are any."""

    open_questions: list[str]


def left_open(draft: PlanDraft) -> LeftOpen:
    """What the event of an approval says about the plan's questions."""
    questions = open_questions(draft)
    return {"open_questions": questions} if questions else {}


def with_answer(draft: PlanDraft, question: str, answer: str) -> PlanDraft:
    """The plan with the answer to one of its questions. A later answer replaces an earlier one.

    Raises:
        KeyError: the plan does not ask this.
    """
    if all(item.question != question for item in draft.questions):
        raise KeyError(question)
    changed = [
        item.model_copy(update={"answer": answer}) if item.question == question else item for item in draft.questions
    ]
    return draft.model_copy(update={"questions": changed})


def carried_over(draft: PlanDraft, previous: PlanDraft, settled: Iterable[str]) -> PlanDraft:
    """The plan with everything that the previous version assumes and asks, apart from what is settled.

    Answers are always kept. A text in `settled` that the previous version does not have settles nothing.
    """
    gone = set(map(_plain, settled))
    assumptions = [*previous.assumptions, *_marked(previous, _ASSUMPTION)]
    questions = [*previous.questions, *(Question(question=text) for text in _marked(previous, _QUESTION))]
    kept = [item for item in questions if item.answer is not None or _plain(item.question) not in gone]
    return draft.model_copy(
        update={
            "assumptions": _unique([*(text for text in assumptions if _plain(text) not in gone), *draft.assumptions]),
            "questions": [*kept, *_new(draft.questions, [item.question for item in kept])],
        }
    )


def as_message(answers: Iterable[tuple[str, str]]) -> str:
    """A change request for a planner: questions of the plan, each with its answer."""
    parts = [f"{question}\nAnswer: {answer}" for question, answer in answers]
    return "\n\n".join(["These questions about the plan are answered. Change what the answers change.", *parts])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _marked(draft: PlanDraft, mark: str) -> list[str]:
    return [text.removeprefix(mark).strip() for text in draft.warnings if text.startswith(mark)]


def _unique(texts: Iterable[str]) -> list[str]:
    return list({_plain(text): text for text in reversed(list(texts))}.values())[::-1]


def _new(questions: Iterable[Question], known: Collection[str]) -> list[Question]:
    """The questions that are not known yet, each once."""
    seen, found = set(map(_plain, known)), list[Question]()
    for item in questions:
        if _plain(item.question) not in seen:
            seen.add(_plain(item.question))
            found.append(item)
    return found
