"""Blocks of list items that are not indented to the text of their item belong to it nevertheless."""

from __future__ import annotations

import textwrap

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


def plan(text: str) -> PlanDraft:
    draft = read_outline(text, has_model=False)
    again = read_outline(to_markdown(draft, "Plan"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return draft


def commands(draft: PlanDraft) -> list[object]:
    return [task.action.fields().get("command") for task in draft.tasks()]


def chain(draft: PlanDraft) -> list[list[str]]:
    keys = [task.key for task in draft.tasks()]
    assert [task.depends_on for task in draft.tasks()] == [[], *([key] for key in keys[:-1])]
    return [task.depends_on for task in draft.tasks()]


@pytest.mark.parametrize("second", ["1.", "2.", "3."])
def test_a_list_that_breaks_at_a_flush_block_stays_in_order(second: str) -> None:
    draft = plan(f"1. Stop it\n\n```sh\nmake stop\n```\n\n{second} Start it\n\n  ```sh\n  make start\n  ```\n")
    assert commands(draft) == ["make stop", "make start"]
    assert chain(draft)


@pytest.mark.parametrize(
    "block",
    [
        "   ```sh\nmake stop\n   ```",  # only the fences are indented
        "   ```sh\n   make stop\n```",  # all but the end is
        "   ```sh\n make stop\n ```",  # one space
        "   ~~~sh\nmake stop\n~~~",
        "\t```sh\nmake stop\n\t```",
    ],
)
@pytest.mark.parametrize("marker", ["1. ", "- "])
def test_lines_left_of_the_text_of_the_item_are_part_of_the_block(block: str, marker: str) -> None:
    text = f"{marker}Stop it\n\n{block}\n{marker}Start it: `make start`\n"
    draft = plan(text)
    assert [command for command in commands(draft) if isinstance(command, str)] == ["make stop", "make start"]
    (warning,) = [text for text in draft.warnings if "not all its lines are indented" in text]
    assert warning.startswith("Line 3: This block is read up to its end in line 5")


def test_a_here_document_at_the_left_edge_is_part_of_the_block() -> None:
    text = "1. Write\n\n    ```sh\n    cat > a.txt <<'X'\nhello\n  world\nX\n    cat a.txt\n    ```\n"
    draft = plan(text)
    assert commands(draft) == ["set -e\ncat > a.txt <<'X'\nhello\nworld\nX\ncat a.txt"]
    assert draft.warnings[0].startswith("Line 3: This block is read up to its end in line 9")


def test_a_flush_script_keeps_its_own_indentation() -> None:
    text = "1. Look\n\n   ```sh\nif true; then\n  ls\nfi\n   ```\n2. Go: `make go`\n"
    assert commands(plan(text))[0] == "set -e\nif true; then\n  ls\nfi"


def test_all_such_blocks_of_a_manual_are_read() -> None:
    steps = "".join(
        f"{number}. Step {number}\n\n   ```sh\nmake s{number}\n```\nThen wait.\n\n" for number in range(1, 8)
    )
    draft = plan(steps)
    assert commands(draft) == [f"make s{number}" for number in range(1, 8)]
    assert chain(draft)


def test_a_block_of_a_nested_item_can_stand_left_of_it() -> None:
    draft = plan(
        "1. Upgrade\n   - The database\n     ```sh\n   make db\n     ```\n   - The app: `make app`\n2. Look: `make look`\n"
    )
    assert commands(draft) == ["make db", "make app", "make look"]


def test_a_block_without_an_end_ends_with_its_item() -> None:
    text = textwrap.dedent(
        """\
        1. Make it

            ```sh
            mkdir -p cert

        1. Copy it

            ```sh
            cp a.crt cert
            ```
        """
    )
    draft = plan(text)
    assert commands(draft) == ["mkdir -p cert", "cp a.crt cert"]
    assert draft.warnings == ["Line 3: This block has no end, so it ends with its item."]


@pytest.mark.parametrize(
    "text",
    [
        "1. Do\n\n   ```sh\n   make a\n\n   Then look.\n\n2. Next: `make b`\n",  # text could be in it
        "- Do\n\n  ```sh\n  cat > a <<X\n- a\nX\n",  # it could continue
        "- Do\n\n  ```sh\n  make a\n",
        "1. Do\n\n   ```sh\n   make a\n## Next\n\n```\nmake b\n```\n",  # the end could be that of the next one
    ],
)
def test_a_block_that_could_be_longer_is_a_problem(text: str) -> None:
    with pytest.raises(Invalid, match="has no end"):
        read_outline(text, has_model=False)


def test_blocks_at_the_left_edge_stay_what_they_are() -> None:
    text = "- a\n\n  ```text\n  x\n  ```\n\n```sh\nmake b\n```\n"
    assert commands(plan(text)) == ["make b"]


def test_an_empty_item_is_left_out() -> None:
    draft = plan("1. a\n-\n- [ ]\n2. b\n\n   1.\n   2. c\n")
    assert [task.title for task in draft.tasks()] == ["a", "b: c"]
    assert [text for text in draft.warnings if "empty" in text] == [
        f"Line {line}: This item is empty, so it is left out." for line in (6,)
    ]


@pytest.mark.parametrize(
    "text", ["# T\n\n1.\n\n## A\n\n- a\n", "# T\n\n    1. x:\n\n    2.\n\n## A\n\n- a\n", "- a\n\n1.\n\n2.\n"]
)
def test_a_list_of_empty_items_is_no_step(text: str) -> None:
    assert [len(phase.tasks) for phase in plan(text).phases] == [1]


def test_an_item_without_words_is_named_by_what_is_in_it() -> None:
    draft = plan("- - Field\n  - Meaning\n- | a | b |\n  |---|---|\n- > Said\n")
    assert draft.tasks()[0].title == "Field"
    assert {task.action.type for task in draft.tasks()} == {"manual"}


@pytest.mark.parametrize("code", ["Description", "[CHANGE]", "<version>", "{name}", "{{ name }}"])
def test_a_name_or_a_placeholder_alone_is_no_command(code: str) -> None:
    draft = plan(f"- `{code}`\n- Look: `make look`\n")
    assert [task.action.type for task in draft.tasks()] == ["manual", "shell"]


@pytest.mark.parametrize("info", ["no-highlight", "nohighlight", "{code-block}", "powershell", "zsh", "bat"])
def test_a_block_that_does_not_say_that_it_runs_is_for_a_person(info: str) -> None:
    (task,) = plan(f"## Install\n\n```{info}\nsudo apt install app\n```\n").tasks()
    assert (task.title, task.action.type) == ("Install", "manual")
    assert "sudo apt install app" in task.description


def test_a_directive_names_the_language() -> None:
    assert commands(plan("## Install\n\n```{code-block} sh\nmake install\n```\n")) == ["make install"]


def test_a_list_at_the_end_of_a_text_does_not_continue_in_the_steps() -> None:
    text = "# T\n\n## A\n\n1. [B](#b)\n1. [C](#c)\n\n- x\n\n1. [ ] Do\n2. [ ] Look\n\n## B\n\n- y\n\n## C\n\n- z\n"
    assert [task.title for task in plan(text).phases[0].tasks] == ["x", "Do", "Look"]
    assert "(#b)" in plan(text).phases[0].description
