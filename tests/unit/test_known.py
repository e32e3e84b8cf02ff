"""What a plan assumes and asks is carried from version to version, and is part of what is signed."""

from __future__ import annotations

import pytest

from app.domain.known import carried_over, open_questions, with_answer
from app.domain.plan import PlanDraft, RunSettings, digest_of
from tests.factories import plan_of, task


def asking(*questions: str, answers: dict[str, str] | None = None, assumptions: tuple[str, ...] = ()) -> PlanDraft:
    items = [{"question": question, "answer": (answers or {}).get(question)} for question in questions]
    return plan_of(task(), assumptions=list(assumptions), questions=items)


def test_a_plan_of_an_older_version_hands_on_what_it_has_among_its_warnings() -> None:
    warnings = ["Assumption: The files end in .txt.", "Open question: Which drive?", "Task 'it' deletes files."]
    made = carried_over(plan_of(task()), plan_of(task(), warnings=warnings), ["which  DRIVE?"])
    assert (made.assumptions, made.questions) == (["The files end in .txt."], [])


def test_nothing_is_carried_over_twice_and_answers_cannot_be_dropped() -> None:
    before = asking("A?", "B?", answers={"A?": "Yes."}, assumptions=("One.",))
    after = carried_over(asking("a?", "C?", "c?", assumptions=("ONE.", "Two.")), before, ["A?", "B?", "Three."])
    assert [(item.question, item.answer) for item in after.questions] == [("A?", "Yes."), ("C?", None)]
    assert after.assumptions == ["One.", "Two."]


def test_the_signature_covers_assumptions_questions_and_answers() -> None:
    drafts = [asking(), asking("A?"), asking("A?", answers={"A?": "Yes."}), asking(assumptions=("One.",))]
    assert len({digest_of(draft, RunSettings()) for draft in drafts}) == len(drafts)
    # Plans of older versions have neither.
    assert digest_of(plan_of(task()), RunSettings()) == digest_of(drafts[0], RunSettings())
    assert not {"assumptions", "questions"} & drafts[0].model_dump().keys()


def test_a_later_answer_replaces_an_earlier_one() -> None:
    draft = with_answer(with_answer(asking("A?", "B?"), "A?", "Yes."), "A?", "No.")
    assert (draft.questions[0].answer, open_questions(draft)) == ("No.", ["B?"])
    with pytest.raises(KeyError):
        with_answer(draft, "C?", "Yes.")
