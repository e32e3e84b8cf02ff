"""A model plans plain text, a person signs the plan, and agents run it: all on the page."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff, another_signoff
from tests.model_server import ModelServer, Output, Text, ToolCalls, model_server
from tests.models.drafts import drafted

WORDS = "Count the orders of the quarter and have somebody check them."
COUNT = ("count", "Count the orders", {"type": "agent", "prompt": "How many orders are there?"}, ())
CHECK = ("check", "Check the number", {"type": "manual"}, ("count",))
MAIL = ("mail", "Mail it to the team", {"type": "manual"}, ("check",))
SIGNOFF_TOML = '[agents.default]\nmodel = "openai-chat:test-model"\ntools = ["ask_person"]\n'


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """A model provider in its own thread, because the browser blocks the test's thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = model_server()
    try:
        server = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
        assert server.faults == []
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.fixture(scope="module")
def signoff(signoff: Signoff, tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Signoff]:
    """A Signoff with a model."""
    folder = tmp_path_factory.mktemp("with-a-model")
    (folder / "signoff.toml").write_text(SIGNOFF_TOML)
    variables = {"SIGNOFF_MODEL": "openai-chat:test-model", "SIGNOFF_MODEL_BASE_URL": f"{model.url}/v1"}
    with another_signoff(signoff, folder, **variables) as running:
        yield running


def test_plain_text_is_planned_sent_back_signed_and_run(page: Page, signoff: Signoff, model: ModelServer) -> None:
    first = drafted(COUNT, CHECK, assumptions=["The quarter is the last one."], questions=["Who is to check?"])
    model.say(Output(first), Output(drafted(COUNT, CHECK)), Output(drafted(COUNT, CHECK, MAIL)))
    page.goto("/new")
    page.get_by_label("Name", exact=True).fill("Orders")
    page.get_by_role("textbox", name="Description").fill(WORDS)
    expect(page.get_by_role("region", name="Plan preview")).to_contain_text("test-model")
    page.get_by_role("button", name="Create and plan").click()
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box.get_by_role("heading", name="Plan version 1 is waiting for your approval")).to_be_visible()
    told = (
        "The quarter is the last one.",
        "Who is to check?",
        "planner: model",
        "1 model call",
        "1 question is still open",
    )
    for text in told:
        expect(box).to_contain_text(text)
    assert violations(page) == []

    box.get_by_label("Who is to check?").fill("Ann")
    box.get_by_role("button", name="Answer", exact=True).click()
    box.get_by_role("button", name="Show version 3").click()
    expect(box.get_by_role("region", name="Questions")).to_contain_text("Who is to check? Ann")
    expect(box).to_contain_text("The quarter is the last one.")
    expect(box).not_to_contain_text("still open")
    expect(box).not_to_contain_text("The record was altered")
    assert "Who is to check?\nAnswer: Ann" in model.requests[-1].texts

    box.get_by_role("button", name="Revise plan…").click()
    dialog = page.get_by_role("dialog", name="Revise version 3")
    expect(dialog).to_contain_text("A model generates the next version from your comment.")
    dialog.get_by_label("What should change?").fill("Mail it in the end.")
    dialog.get_by_role("button", name="Revise").click()
    expect(box.get_by_role("alert")).to_contain_text("Mail it to the team")
    box.get_by_role("button", name="Show version 4").click()
    assert "Mail it in the end." in model.requests[-1].texts

    model.say(
        ToolCalls(("ask_person", {"question": "Which table?", "options": ["orders", "sales"]})), Text("There are 42.")
    )
    box.get_by_role("button", name="Approve and start").click()
    question = page.get_by_role("form", name="Which table?")
    question.get_by_label("sales").check()
    question.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("form", name="Check the number")).to_be_visible()
    page.get_by_role("link", name="Count the orders").first.click()
    panel = page.get_by_role("dialog", name="Count the orders")
    for text in ("Which table?", "sales", "There are 42."):
        expect(panel).to_contain_text(text)
    page.get_by_role("button", name="Close").last.click()
    page.get_by_role("link", name="Metrics").click()
    expect(page.get_by_role("table", name="Model usage")).to_contain_text("Planning")


def test_a_model_that_makes_no_plan_is_reported(page: Page, signoff: Signoff, model: ModelServer) -> None:
    model.say(*[Output({"nonsense": True})] * 4)
    project_id = signoff.create("Nonsense", WORDS)
    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Generate plan").click()
    expect(page.get_by_role("alert").first).to_contain_text(
        re.compile("not make a valid plan|not give a usable answer")
    )
    expect(page.get_by_role("button", name="Generate plan")).to_be_enabled()


def test_the_questions_of_a_model_that_cannot_plan_are_listed(page: Page, signoff: Signoff, model: ModelServer) -> None:
    questions = ["Which data is to be moved?", "Where does it go?"]
    answer = {"summary": "No plan yet.", "cannot_plan": "The brief names no data.", "questions": questions}
    model.say(Output(answer))
    page.goto("/new")
    page.get_by_label("Name", exact=True).fill("Move")
    page.get_by_role("textbox", name="Description").fill("Move everything to the new system.")
    page.get_by_role("button", name="Create and plan").click()
    failure = page.get_by_role("alert").filter(has_text="The plan could not be generated")
    for text in (*questions, "Write the answers into the description in the settings"):
        expect(failure).to_contain_text(text)
    lines = failure.locator(".message").evaluate("it => it.innerText.split('\\n')")
    assert [line[:2] for line in lines[-2:]] == ["1.", "2."]
