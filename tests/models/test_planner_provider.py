"""The planner `model` and its provider: what goes wrong there, what it may cost, and what is not paid for twice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.domain.agents import Price
from app.llm import access, metered
from app.planning.model.planner import REPAIRS
from tests.conftest import Stack
from tests.model_answers import Answer, BrokenJson, Failure, Output, Slow, Stall, Truncated
from tests.model_server import ModelServer, Request
from tests.models.conftest import Signoffs
from tests.models.drafts import BAD, GOOD, TOLD, drafted, events_of, plan

WORDS = "Gather the figures of the quarter and have somebody check them."
NAME = "openai-chat:test-model"
PROVIDERS = ("openai-chat:test-model", "anthropic:claude-sonnet-5")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metered, "FIRST_PAUSE", 0.01)


def settings_for(name: str, model: ModelServer) -> dict[str, Any]:
    return {"model": name, "model_base_url": model.url + ("" if name.startswith("anthropic") else "/v1")}


async def refused(stack: Stack, status: int, code: str, **fields: Any) -> str:
    """A planning that fails like this, on record, and leaves the project as it was; returns what is said about it."""
    project_id = await stack.create(WORDS, **fields)
    answer = await stack.call("POST", f"/{project_id}/generate-plan", status=status)
    (failed,) = await events_of(stack, project_id, "plan.failed")
    assert (answer["code"], failed["code"], failed["message"]) == (code, code, answer["message"])
    project = await stack.project(project_id)
    assert (project["stage"], project["plan"], project["failure"]["code"]) == ("draft", None, code)
    return answer["message"]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_key_that_is_refused_is_not_tried_again(signoffs: Signoffs, model: ModelServer, name: str) -> None:
    model.say(Failure(401, message="That key is not known."))
    stack = await signoffs.having(**settings_for(name, model))
    said = await refused(stack, 409, "model_refused")
    assert f"The provider of {name} refused the request (401)" in said
    assert "That key is not known." in said
    # An error in place of an answer costs nothing.
    assert (await stack.call("GET", f"/{await first(stack)}/metrics"))["tokens_used"] == 0
    assert len(model.requests) == 1


async def first(stack: Stack) -> str:
    return (await stack.call("GET", ""))["projects"][0]["id"]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_provider_that_stays_away_is_given_up_after_a_few_tries(
    signoffs: Signoffs, model: ModelServer, name: str
) -> None:
    model.answer_with(lambda _: Failure(500))
    stack = await signoffs.having(**settings_for(name, model))
    assert name in await refused(stack, 503, "model_unavailable")
    assert len(model.requests) == metered.TRIES


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "broken",
    [
        BrokenJson(),
        Truncated('{"summary": "Half'),
        Truncated('{"summary": "Half', clean=True),
        Failure(529, in_stream=True),
        Failure(429, retry_after=0.02),
        Stall("{"),
        Stall(silent=True),
    ],
    ids=["broken-json", "truncated", "truncated-clean", "error-in-stream", "busy", "stall", "silence"],
)
async def test_what_breaks_off_is_asked_for_again(
    signoffs: Signoffs, model: ModelServer, name: str, broken: Answer
) -> None:
    model.say(broken, plan(*GOOD))
    timeout = {"model_timeout": 0.5} if isinstance(broken, Stall) else {}
    stack = await signoffs.having(**settings_for(name, model), **timeout)
    project_id = await stack.create(WORDS)
    made = await stack.call("POST", f"/{project_id}/generate-plan")
    assert [task["key"] for task in made["phases"][0]["tasks"]] == ["gather", "check"]
    # Asked again, and not told to mend an answer that it never gave.
    first, second = model.requests
    assert first.body["messages"] == second.body["messages"]


async def test_words_in_place_of_a_plan_go_back(signoffs: Signoffs, model: ModelServer) -> None:
    model.say(Slow("I would rather not.", seconds_per_chunk=0.01), plan(*GOOD))
    stack = await signoffs.having()
    project_id = await stack.create(WORDS)
    made = await stack.call("POST", f"/{project_id}/generate-plan")
    assert made["usage"]["calls"] == 2


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_plan_that_is_always_cut_off_says_so(signoffs: Signoffs, model: ModelServer, name: str) -> None:
    model.answer_with(lambda _: plan(*GOOD, output_tokens=100_000))
    stack = await signoffs.having(**settings_for(name, model))
    said = await refused(stack, 422, "plan_invalid")
    assert f"The model {name} did not give a usable answer: " in said
    assert len(model.requests) <= 1 + REPAIRS


async def test_a_provider_that_there_is_not_is_named(signoffs: Signoffs, model: ModelServer) -> None:
    stack = await signoffs.having(model="nosuch:model", model_base_url="")
    said = await refused(stack, 409, "model_unavailable")
    assert said.startswith("The model nosuch:model cannot be used: ")


async def test_a_provider_without_its_key_says_which_variable_to_set(
    signoffs: Signoffs, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    settings = {"model": "anthropic:claude-sonnet-5", "model_base_url": ""}
    stack = await signoffs.having(**settings)
    assert "ANTHROPIC_API_KEY" in await refused(stack, 409, "model_unavailable")


async def test_what_is_not_installed_is_named_with_the_way_to_install_it(
    signoffs: Signoffs, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "find_spec", lambda _: None)
    stack = await signoffs.having()
    assert "pip install 'signoff-server[models]'" in await refused(stack, 409, "planner_unavailable")
    assert model.requests == []


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("answer", [Slow("word " * 600, seconds_per_chunk=0.05), Stall("{"), Stall(silent=True)])
async def test_a_cancel_closes_the_connection_at_once(
    signoffs: Signoffs, model: ModelServer, name: str, answer: Answer
) -> None:
    model.say(answer)
    stack = await signoffs.having(**settings_for(name, model))
    project_id = await stack.create(WORDS)
    await stack.call("POST", f"/{project_id}/generate-plan", status=202, headers={"Prefer": "wait=0"})
    await model.received(1)
    cancelled = time.monotonic()
    assert (await stack.call("POST", f"/{project_id}/cancel"))["status"] == "cancelled"
    # The answer would have gone on for 30 s, or for ever.
    assert await model.closed(1) - cancelled < 10
    (failed,) = await events_of(stack, project_id, "plan.failed")
    assert failed["code"] == "planning_cancelled"
    model.say(plan(*GOOD))
    made = await stack.call("POST", f"/{project_id}/generate-plan")
    assert made["version"] == 2
    assert len(model.requests) == 2


async def test_a_budget_that_no_call_fits_in_costs_nothing(signoffs: Signoffs, model: ModelServer) -> None:
    stack = await signoffs.having()
    said = await refused(stack, 409, "budget_exceeded", max_tokens=500)
    assert "0 of 500 tokens" in said
    assert model.requests == []


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_greedy_model_never_passes_the_budget(signoffs: Signoffs, model: ModelServer, name: str) -> None:
    def greedy(request: Request) -> Answer:
        # As many tokens as a request of this size can have, and all that the answer may have.
        return plan(*BAD, input_tokens=request.size // 3, output_tokens=request.max_tokens or 0)

    model.answer_with(greedy)
    stack = await signoffs.having(**settings_for(name, model))
    await stack.call("POST", f"/{await stack.create(WORDS)}/generate-plan", status=422)
    whole = model.requests[0].size
    codes: list[str] = []
    for budget in (whole, whole * 3 // 2, whole * 2, whole * 3, whole * 9):
        model.requests.clear()
        project_id = await stack.create(WORDS, max_tokens=budget)
        answer = await stack.http.post(f"/api/projects/{project_id}/generate-plan")
        codes.append(answer.json()["code"])
        told = [request.usage for request in model.requests if request.usage is not None]
        used = sum(usage.input_tokens + usage.output_tokens for usage in told)
        metrics = await stack.call("GET", f"/{project_id}/metrics")
        # A call that broke off, as one can on a busy machine, counts in full although the client was told nothing.
        assert used <= metrics["tokens_used"] <= budget
        if len(told) == len(model.requests):
            assert metrics["tokens_used"] == used
    assert codes[0] == "budget_exceeded"
    assert codes[-1] == "plan_invalid"


async def test_a_limit_in_dollars_holds_by_the_prices_of_the_settings(signoffs: Signoffs, model: ModelServer) -> None:
    prices = {NAME: Price(input=1, output=4)}
    stack = await signoffs.having(prices=prices)
    said = await refused(stack, 409, "budget_exceeded", max_cost_usd=0.0001)
    assert "$0.0000 of $0.0001" in said
    assert model.requests == []
    model.say(plan(*GOOD, input_tokens=1000, output_tokens=500))
    project_id = await stack.create(WORDS, max_cost_usd=1)
    made = await stack.call("POST", f"/{project_id}/generate-plan")
    assert made["usage"]["cost_usd"] == pytest.approx(0.003)


async def test_a_limit_in_dollars_wants_a_price(signoffs: Signoffs, model: ModelServer) -> None:
    stack = await signoffs.having()
    assert "[prices." in await refused(stack, 409, "price_unknown", max_cost_usd=5)
    assert model.requests == []


async def test_a_raised_budget_lets_the_plan_be_made(signoffs: Signoffs, model: ModelServer) -> None:
    model.say(plan(*GOOD))
    stack = await signoffs.having(max_tokens=500)
    await refused(stack, 409, "budget_exceeded")
    project_id = await first(stack)
    await stack.call("PUT", f"/{project_id}", json={"max_tokens": 10**6})
    await stack.call("POST", f"/{project_id}/generate-plan")


async def test_a_draft_on_record_is_not_paid_for_again(signoffs: Signoffs, model: ModelServer) -> None:
    model.say(plan(*BAD, input_tokens=1000, output_tokens=100), Stall("{"))
    stack = await signoffs.having(shutdown_grace=0.1)
    project_id = await stack.create(WORDS)
    await stack.call("POST", f"/{project_id}/generate-plan", status=202, headers={"Prefer": "wait=0"})
    await model.received(2)
    await stack.stop_worker()
    await model.closed(2)
    model.say(Output(drafted(*GOOD), input_tokens=1200, output_tokens=100))
    await stack.start_worker()
    await stack.until(project_id, stage="awaiting_approval")
    made = await stack.call("GET", f"/{project_id}/plan")
    assert made["version"] == 1
    # The recorded call, the call without an answer, which may still be billed, and the last one.
    assert made["usage"]["calls"] == 3
    assert made["usage"]["tokens"]["input"] > 2200
    assert len(model.requests) == 3
    assert TOLD in model.requests[2].texts


async def test_a_plan_that_was_sent_back_does_not_start_because_the_next_one_fails(
    signoffs: Signoffs, model: ModelServer
) -> None:
    model.say(plan(*GOOD), *(plan(*BAD) for _ in range(1 + REPAIRS)))
    stack = await signoffs.having()
    project_id = await stack.planned(WORDS)
    await stack.call("PUT", f"/{project_id}", json={"auto_approve_plan": True})
    assert (await stack.project(project_id))["stage"] == "awaiting_approval"
    words = {"message": "Not like that."}
    await stack.call("POST", f"/{project_id}/refine-plan", status=422, json=words)
    # Whatever the workflow does next comes before its answer to the next request.
    await stack.call("POST", f"/{project_id}/approve", status=412, headers={"If-Match": '"other"'})
    await stack.call("POST", f"/{project_id}/pause", status=409)
    assert (await stack.project(project_id))["stage"] == "awaiting_approval"
