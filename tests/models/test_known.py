"""What a plan assumes and asks stays with it until somebody has answered it, and whoever approves the plan sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Stack
from tests.model_answers import Output
from tests.model_server import ModelServer
from tests.models.conftest import Signoffs
from tests.models.drafts import GOOD, drafted, events_of, plan
from tests.models.test_model_planner import WORDS, keys_of

ASSUMED = ["The workspace is a clone.", "A push needs no password."]
ASKED = ["Is the tag v2.3 or 2.3?", "Where is it published?"]
KNOWN = Output(drafted(*GOOD, assumptions=ASSUMED, questions=ASKED))
WIPE = ("wipe", "Wipe", {"type": "shell", "command": "rm -rf /srv/data"}, ())


def questions_of(made: dict[str, Any]) -> dict[str, str | None]:
    return {item["question"]: item["answer"] for item in made["questions"]}


async def refined(stack: Stack, project_id: str, **body: Any) -> dict[str, Any]:
    return await stack.call("POST", f"/{project_id}/refine-plan", json=body)


async def test_what_a_message_does_not_answer_stays(planner: Stack, model: ModelServer) -> None:
    """A model answers a refinement with what is new. It was never shown the rest, and could not keep it."""
    model.say(KNOWN, Output(drafted(*GOOD, assumptions=["Noon is noon in Berlin."])))
    project_id = await planner.planned(WORDS)
    before = await planner.call("GET", f"/{project_id}/plan")
    assert (before["assumptions"], questions_of(before)) == (ASSUMED, dict.fromkeys(ASKED))
    after = await refined(planner, project_id, message="Do it at noon.")
    assert after["assumptions"] == [*ASSUMED, "Noon is noon in Berlin."]
    assert questions_of(after) == dict.fromkeys(ASKED)
    for told in (*ASSUMED, *ASKED):
        assert told in model.requests[1].texts
    diff = await planner.call("GET", f"/{project_id}/plan/diff")
    assert diff["assumptions"] == {"added": ["Noon is noon in Berlin."], "removed": [], "changed": []}
    assert diff["questions"] == {"added": [], "removed": [], "changed": []}
    first = await planner.call("GET", f"/{project_id}/plan?version=1")
    assert (first["assumptions"], questions_of(first)) == (ASSUMED, dict.fromkeys(ASKED))


async def test_a_model_names_what_a_message_settles(planner: Stack, model: ModelServer) -> None:
    again = drafted(*GOOD, assumptions=[ASSUMED[1]]) | {"settled": [f" {ASSUMED[0].upper()} ", ASKED[0], "Nothing."]}
    model.say(KNOWN, Output(again))
    project_id = await planner.planned(WORDS)
    after = await refined(planner, project_id, message="Clone it first. The tag is v2.3.")
    assert (after["assumptions"], list(questions_of(after))) == ([ASSUMED[1]], [ASKED[1]])
    diff = await planner.call("GET", f"/{project_id}/plan/diff")
    assert (diff["assumptions"]["removed"], diff["questions"]["removed"]) == ([ASSUMED[0]], [ASKED[0]])


async def test_answers_make_the_next_version_and_are_not_asked_for_again(planner: Stack, model: ModelServer) -> None:
    model.say(KNOWN, plan(*GOOD), Output(drafted(*GOOD, questions=[ASKED[0]])))
    project_id = await planner.planned(WORDS)
    answers = [{"question": ASKED[0], "answer": "v2.3"}]
    after = await refined(planner, project_id, answers=answers)
    assert (after["planner"], keys_of(after)) == ("model", ["gather", "check"])
    assert questions_of(after) == {ASKED[0]: "v2.3", ASKED[1]: None}
    assert f"{ASKED[0]}\nAnswer: v2.3" in model.requests[1].texts
    (returned,) = await events_of(planner, project_id, "plan.returned")
    assert "v2.3" in returned["comment"]
    # The model still knows the answer when it makes a later version, and what it asks again is answered.
    later = await refined(planner, project_id, message="Check it twice.")
    assert questions_of(later) == {ASKED[0]: "v2.3", ASKED[1]: None}
    assert "v2.3" in model.requests[2].texts
    # The answers have a version of their own, which the record knows to be what the person asked for.
    audit = await planner.call("POST", f"/{project_id}/audit")
    assert (audit["trail"]["intact"], audit["results"]["summary"]["critical"]) == (True, 0)
    diff = await planner.call("GET", f"/{project_id}/plan/diff?from=1")
    answered = {"field": "answer", "before": None, "after": "v2.3"}
    assert diff["questions"]["changed"] == [{"key": ASKED[0], "changes": [answered]}]


async def test_answers_outlast_a_model_that_makes_no_plan(planner: Stack, model: ModelServer) -> None:
    model.say(KNOWN, *[Output({"nonsense": True})] * 4)
    project_id = await planner.planned(WORDS)
    body = {"answers": [{"question": ASKED[1], "answer": "On the intranet"}]}
    await planner.call("POST", f"/{project_id}/refine-plan", status=422, json=body)
    kept = await planner.call("GET", f"/{project_id}/plan")
    assert questions_of(kept) == {ASKED[0]: None, ASKED[1]: "On the intranet"}


async def test_answers_to_what_was_not_asked_are_refused(planner: Stack, model: ModelServer) -> None:
    model.say(KNOWN)
    project_id = await planner.planned(WORDS)
    for question, answer in (("Really?", "Yes."), (ASKED[0], " "), (ASKED[0], "")):
        body = {"answers": [{"question": question, "answer": answer}]}
        refused = await planner.call("POST", f"/{project_id}/refine-plan", status=422, json=body)
        assert refused["details"][0]["field"].startswith("answers.0."), refused
    twice = [{"question": ASKED[0], "answer": answer} for answer in ("v2.3", "2.3")]
    refused = await planner.call("POST", f"/{project_id}/refine-plan", status=422, json={"answers": twice})
    assert refused["details"][0]["field"] == "answers.1.question"
    assert (await planner.project(project_id))["plan"]["version"] == 1


async def test_without_a_model_the_answers_are_kept_with_the_plan(
    signoffs: Signoffs, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only projects with the strategy `economy` have a model here. This one has it no longer when the answers come."""
    monkeypatch.setenv("OLLAMA_BASE_URL", f"{model.url}/v1")
    stack = await signoffs.having(model="", small_model="ollama:test-model")
    model.say(KNOWN)
    project_id = await stack.planned(WORDS, strategy="economy")
    await stack.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    answered = await refined(stack, project_id, answers=[{"question": ASKED[1], "answer": "On the intranet"}])
    assert (answered["planner"], answered["assumptions"]) == ("hand", ASSUMED)
    assert questions_of(answered) == {ASKED[0]: None, ASKED[1]: "On the intranet"}
    assert len(model.requests) == 1


async def test_an_approval_names_the_questions_that_are_still_open(planner: Stack, model: ModelServer) -> None:
    model.say(KNOWN, plan(*GOOD))
    project_id = await planner.planned(WORDS)
    await refined(planner, project_id, answers=[{"question": ASKED[0], "answer": "v2.3"}])
    made = await planner.call("GET", f"/{project_id}/plan")
    await planner.call("POST", f"/{project_id}/approve", json={"plan_digest": made["digest"]})
    (approved,) = await events_of(planner, project_id, "plan.approved")
    assert approved["open_questions"] == [ASKED[1]]
    audit = await planner.call("POST", f"/{project_id}/audit")
    (finding,) = [each for each in audit["results"]["findings"] if each["code"] == "open_questions"]
    assert ASKED[1] in finding["message"]


async def test_every_warning_about_a_plan_survives_a_refinement_while_it_is_true(
    planner: Stack, model: ModelServer
) -> None:
    secret = {"inputs": {"key": "${{ secrets.NEWS_KEY }}"}}
    fetch = ("fetch", "Fetch", {"type": "shell", "command": "true"}, (), secret)
    model.say(plan(WIPE, fetch), plan(WIPE, fetch, *GOOD), plan(fetch, *GOOD))
    project_id = await planner.planned(f"{WORDS} Wipe /srv/data first. Use the secret NEWS_KEY.")
    first = await planner.call("GET", f"/{project_id}/plan")
    assert [warning.partition("'")[0] for warning in first["warnings"]] == ["Task ", "The secret NEWS_KEY is used by "]
    kept = await refined(planner, project_id, message="Have it checked.")
    assert kept["warnings"] == first["warnings"]
    gone = await refined(planner, project_id, message="Wipe nothing.")
    assert gone["warnings"] == first["warnings"][1:]
