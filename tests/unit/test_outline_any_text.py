"""Any text gives a plan or a list of problems, soon."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


def plan(text: str, *, has_model: bool = False) -> PlanDraft:
    return read_outline(text, has_model=has_model)


MARKS = st.sampled_from(
    [
        *("# ", "## ", "- ", "1. ", "2) ", "  ", "    ", "\t", "\n", "\n\n", "---\n", "===\n", "> ", "<div>"),
        *("```", "```sh\n", "~~~http\n", "```inputs\n", "```action\n", "```task\n", "```phase\n", "`", "``"),
        *("{#k ", "{", "}", "=", '"', "\\", "[ ] ", "[x]", "after=a", "wait=5m", "(parallel)", "(sequential)"),
        *(
            "<!-- ",
            "-->",
            "| a |\n|---|\n",
            "[a](#b)",
            "[a][b]",
            "[b]: c\n",
            "$ ",
            "# x\n",
            "```console\n",
            "<E\n",
            "<<E\n",
            "<name>",
        ),
        *(
            "If ",
            "Optional: ",
            "## Rollback\n",
            "## Option A\n",
            "## Option B\n",
            "- On Debian: `a`\n- On macOS: `b`\n",
            "On Debian:\n\n",
            "If it failed:\n\n",
            "- [ ] a: `b`\n",
            "## If c\n",
            "{if=a:completed}",
            "{on=failure}",
            "{approval=yes}",
            "## References\n",
            "run",
            "{run}",
            "\ufeff",
            "+++\n",
        ),
        *("a", "b c", ", ", ". ", " and ", "; ", ": ", "é", "\x0b", "\x85", "\u2028", "\r", "${{ x }}", "*", "_"),
    ]
)


CASES = json.loads((Path(__file__).parents[1] / "cases" / "outline.json").read_text())
DOCUMENTS = [case["input"] for case in CASES]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A document of people, with some pieces cut out, repeated, moved or replaced."""
    text = "\n".join(draw(st.lists(st.sampled_from(DOCUMENTS), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, len(text)))
        end = min(begin + draw(st.integers(0, 40)), len(text))
        piece = draw(st.one_of(st.just(""), MARKS, st.just(text[begin:end] * 2), st.sampled_from(DOCUMENTS)))
        text = text[:begin] + piece + text[end:]
    return text


class TestAnyText:
    @given(mutated(), st.booleans())
    def test_a_changed_document_gives_a_plan_that_stays_the_same_as_markdown(self, text: str, has_model: bool) -> None:
        draft = PlanDraft()
        with contextlib.suppress(Invalid):
            draft = plan(text, has_model=has_model)
        if not draft.phases:
            return
        again = plan(to_markdown(draft, "Plan"), has_model=has_model)
        assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())

    @pytest.mark.parametrize(
        "text", ["- F {run=no}\n\n- a: `b c`\n", "- F {run=no}\n- a: `b c`\n", "# A\n\n- F {run=no}\n"]
    )
    def test_a_list_that_is_text_is_no_phase(self, text: str) -> None:
        draft = plan(f"{text}\n## B\n\n- a: `b c`\n")
        again = plan(to_markdown(draft, "Plan"))
        assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
        assert all(phase.tasks for phase in draft.phases)

    @given(st.one_of(st.lists(MARKS, max_size=60).map("".join), st.text(max_size=300)), st.booleans())
    @example("- ```task\n  []\n  ```", True)
    @example("-", False)
    @example("##\n-", False)
    def test_gives_a_plan_or_says_what_is_wrong(self, text: str, has_model: bool) -> None:
        outcome: PlanDraft | Invalid
        try:
            outcome = plan(text, has_model=has_model)
        except Invalid as error:
            outcome = error
        assert outcome.info.details if isinstance(outcome, Invalid) else outcome.tasks()

    @pytest.mark.parametrize(
        "text",
        [
            *("- a `b` {#k retries=1}\n", "- - - - - ", "1. ", "> ", "`", "``` `` ` ", "{#", "{a=", '{a="', "[", "(("),
            *("{a= " + " " * 40, "“", '"a', "**", "__", "a\n", "A\n", "a:", "\t", "do it, ", "do it. ", "do it; "),
            *("do it and do it ", "then ", "a, then ", "- do it now\n", "- [ ] a\n\n", "## a\n- b\n", "```\n"),
            *(
                "- ```sh\n",
                "  - a\n- b\n",
                "- a\n  ",
                "a. B ",
                "...",
                "<a>",
                "$A ",
                "## Option A\n- b\n",
                "[a](",
                "[b] ",
                "- a\n\n```sh\nx\n```\n\n",
                "```console\n$ cat <<E\n",
                "```sh\ncat <<E\n",
                "&amp;",
                "\\\\",
                "<!--",
                "| a ",
                "|-",
                "- If a: `b`\n",
                "- [ ] a: `b`\n",
                "- On Debian: `a`\n",
                "- x\n  - Option A: `a`\n  - Option B: `b`\n",
                "On Debian:\n\n```sh\na\n```\n\n",
                "## Rollback\n- b\n",
                "## If\n",
                "(optional) ",
                "*",
                "_",
                "# a\n",
                "```sh\na\n```\n",
                "<div>\n",
                "a;",
                "https://a.example/a.b ",
            ),
        ],
    )
    def test_eight_thousand_characters_take_a_moment(self, text: str) -> None:
        document = (text * (8_000 // len(text)))[:8_000]
        begin = time.process_time()
        for variant in (document, f"- {document}", f"x{document}"):
            with contextlib.suppress(Invalid):
                plan(variant)
        # Far more than the slowest text takes, far less than work that grows with the square of its length.
        assert (time.process_time() - begin) / 3 < 2

    def test_thousands_of_tasks_of_one_title_have_keys_of_their_own(self) -> None:
        keys = [task.key for task in plan("- same\n" * 9000).tasks()]
        assert keys[:3] == ["same", "same_2", "same_3"]
        assert len(set(keys)) == 9000

    def test_a_page_takes_a_moment(self) -> None:
        pages = [*Path(__file__).parents[2].glob("docs/*.md"), *Path(__file__).parents[2].glob("examples/*.md")]
        texts = [page.read_text() for page in pages]
        begin = time.process_time()
        for text in texts:
            with contextlib.suppress(Invalid):
                plan(text)
        taken = (time.process_time() - begin) * 10_000 / sum(map(len, texts))
        # Five times what 10 KB of a page take on a slow machine.
        assert taken < 0.05

    def test_deep_nesting_is_description(self) -> None:
        (task,) = plan("\n".join(f"{'  ' * depth}- a" for depth in range(300))).tasks()
        assert task.description.count("- a") == 299
