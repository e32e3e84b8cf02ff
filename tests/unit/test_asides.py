"""What stands beside the steps of a document: samples and output, and text that is folded with `<details>`."""

from __future__ import annotations

import pytest

from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

DO = "## Do\n\n```sh\nmake new\n```\n\n"


def plan(text: str) -> PlanDraft:
    draft = read_outline(text, has_model=True)
    again = read_outline(to_markdown(draft, "X"), has_model=True)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return draft


def actions(text: str) -> list[tuple[str, str]]:
    return [(task.title, str(task.action.fields().get("command") or task.action.type)) for task in plan(text).tasks()]


def warned(text: str, line: int, words: str) -> bool:
    return any(
        warning.startswith(f"Line {line}: ") and words in warning
        for warning in read_outline(text, has_model=True).warnings
    )


@pytest.mark.parametrize(
    "words",
    [
        *("For example:", "Example output:", "Expected:", "Expected output:", "You should see:", "Output:", "e.g.:"),
        *(
            "You should see",
            "The output looks like this:",
            "It prints something like:",
            "which returns:",
            "You'll get:",
        ),
        *(
            "**Expected result:**",
            "All pods run. You should now see the following:",
            "Here is an example:",
            "Sample output:",
        ),
        *("with output like this:", "The command should return:", "The output will be similar to the following:"),
    ],
)
class TestSamples:
    def test_a_block_that_shows_something_is_text_of_the_step_above(self, words: str) -> None:
        text = f"{DO}{words}\n\n```sh\nmake old\n```\n\n1. Then: `make two`\n"
        assert actions(text) == [("Do", "make new"), ("Then", "make two")]
        assert f"{words}\n\n```sh\nmake old\n```" in plan(text).tasks()[0].description
        assert warned(text, 7, "What follows is a sample")

    def test_so_is_one_in_an_item(self, words: str) -> None:
        text = f"1. Do\n\n   ```sh\n   make new\n   ```\n\n   {words}\n\n   ```sh\n   make old\n   ```\n2. Then: `make two`\n"
        assert actions(text) == [("Do", "make new"), ("Then", "make two")]
        assert "make old" in plan(text).tasks()[0].description
        assert warned(text, 7, "What follows is a sample")

    def test_unless_the_block_says_to_run_it(self, words: str) -> None:
        assert [command for _, command in actions(f"{DO}{words}\n\n```sh run\nmake old\n```\n")] == [
            "make new",
            "make old",
        ]


@pytest.mark.parametrize(
    "words",
    ["Look at the output:", "You should be able to restart it:", "Show the logs:", "This restarts it:", "Then run:"],
)
def test_other_words_above_a_block_are_no_sample(words: str) -> None:
    assert [command for _, command in actions(f"{DO}{words}\n\n```sh\nmake two\n```\n")] == ["make new", "make two"]


@pytest.mark.parametrize(
    "item", ["Expected output: `done`", "For example: `make old`", "You should see:\n\n  ```sh\n  make old\n  ```"]
)
def test_an_item_that_shows_something_is_text_of_the_step_above(item: str) -> None:
    text = f"- Do: `make new`\n- {item}\n"
    assert actions(text) == [("Do", "make new")]
    assert item.split("\n", maxsplit=1)[0] in plan(text).tasks()[0].description
    assert warned(text, 2, "This is a sample")
    nested = f"1. Do: `make new`\n   - {item.replace(chr(10), chr(10) + '   ')}\n   - Next: `make two`\n"
    assert [command for _, command in actions(nested)] == ["make new", "make two"]
    assert item.split("\n", maxsplit=1)[0] in plan(nested).tasks()[0].description + plan(nested).tasks()[1].description
    assert warned(nested, 2, "This is a sample")


def test_a_list_of_samples_is_text() -> None:
    text = "1. Do: `make new`\n   - For example: `make old`\n\nFor example:\n\n- `make a b`\n- `make c d`\n"
    assert actions(text) == [("Do", "make new")]
    assert warned(text, 2, "This is a sample")
    assert warned(text, 4, "What follows is a sample")


def test_text_in_a_nested_list_is_kept() -> None:
    text = "1. Do\n   1. Read this {run=no}\n   2. First: `make a`\n   3. Read that {run=no}\n"
    assert actions(text) == [("Do: First", "make a")]
    assert "Read this" in plan(text).tasks()[0].description
    assert "Read that" in plan(text).tasks()[0].description


def folded(summary: str, inner: str = "```sh\nmake old\n```") -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{inner}\n\n</details>\n\n"


class TestFolded:
    def test_a_rollback_is_a_phase_of_its_own(self) -> None:
        text = f"# A\n\n{DO}{folded('<b>Rollback</b>')}Then look:\n\n```sh\nmake two\n```\n"
        draft = plan(text)
        assert [(phase.name, str(phase.runs_on), phase.requires_approval) for phase in draft.phases] == [
            ("Do", "success", None),
            ("Do: Rollback", "failure", True),
            ("Do: Continued", "success", None),
        ]
        assert actions(text)[-1] == ("Then look", "make two")
        assert warned(text, 9, "runs only after a failure")

    @pytest.mark.parametrize(
        "name", ["Troubleshooting", "Example output", "Click to see the logs", "Output", "FAQ", "Sample"]
    )
    def test_what_only_shows_something_is_text(self, name: str) -> None:
        text = f"{DO}{folded(name)}- Two: `make two`\n"
        assert actions(text) == [("Do", "make new"), ("Two", "make two")]
        assert "make old" in plan(text).tasks()[1].description
        assert warned(text, 7, "is treated as text")

    def test_ways_are_one_choice(self) -> None:
        text = f"# A\n\n{folded('Debian')}{folded('macOS')}Then:\n\n```sh\nmake two\n```\n"
        draft = plan(text)
        assert [task.action.type for task in draft.tasks()] == ["decision", "shell", "shell", "shell"]
        assert [phase.condition is not None for phase in draft.phases] == [False, True, True, False]

    @pytest.mark.parametrize("name", ["If you use a proxy", "Optional: a proxy", "macOS"])
    def test_what_is_not_always_done_asks_first(self, name: str) -> None:
        draft = plan(f"{DO}{folded(name)}")
        assert [task.action.type for task in draft.tasks()] == ["shell", "decision", "shell"]
        assert draft.phases[-1].condition is not None

    def test_anything_else_runs_in_its_place_with_a_warning(self) -> None:
        text = f"{DO}{folded('Click to <i>expand</i>')}- Two: `make two`\n"
        assert [command for _, command in actions(text)] == ["make new", "make old", "make two"]
        assert warned(text, 7, "'Click to expand' is folded")
        assert not warned(f"{DO}{folded('More', 'Words.')}", 7, "folded")

    def test_a_summary_can_say_that_it_runs(self) -> None:
        assert [phase.runs_on for phase in plan(f"{DO}{folded('Rollback {run}')}").phases] == ["success", "success"]

    def test_without_an_end_it_goes_to_the_next_heading(self) -> None:
        text = f"{DO}{folded('Rollback').replace('</details>', '')}## Next\n\n- Two: `make two`\n"
        assert [str(phase.runs_on) for phase in plan(text).phases] == ["success", "failure", "success"]

    def test_headings_in_it_are_below_it(self) -> None:
        inner = "# One\n\n```sh\nmake a\n```\n\n## Two\n\n```sh\nmake b\n```"
        draft = plan(f"{DO}{folded('Rollback', inner)}## Next\n\n- Two: `make two`\n")
        assert [(phase.name, str(phase.runs_on)) for phase in draft.phases[1:]] == [
            ("Do: Rollback: One", "failure"),
            ("Do: Rollback: One: Two", "failure"),
            ("Next", "success"),
        ]

    def test_in_an_item_it_is_text_of_the_item(self) -> None:
        inner = folded("Rollback").replace("\n", "\n   ")
        text = f"1. Do: `make new`\n\n   {inner}\n2. Two: `make two`\n"
        assert actions(text) == [("Do", "make new"), ("Two", "make two")]
        assert "make old" in plan(text).tasks()[0].description
        assert warned(text, 3, "is treated as text")
        more = text.replace("Rollback", "More")
        assert [command for _, command in actions(more)] == ["make new", "make old", "make two"]
        assert warned(more, 3, "'More' is folded")
