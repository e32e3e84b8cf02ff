"""What runbooks say in passing about their commands: that they are for later, one of several, a way back, or no commands."""

from __future__ import annotations

import pytest

from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


def released(text: str) -> list[tuple[str, bool]]:
    draft = read_outline(text, has_model=False)
    again = read_outline(to_markdown(draft, "X"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return [(task.action.type, task.requires_approval) for task in draft.tasks()]


def warned(text: str, line: int, words: str) -> bool:
    draft = read_outline(text, has_model=False)
    return any(warning.startswith(f"Line {line}: ") and words in warning for warning in draft.warnings)


@pytest.mark.parametrize(
    "words",
    [
        "After one week",
        "After 24 hours, drop the old cluster",
        "Wait 10 minutes, then restart it",
        "The next day",
        "Two days later",
        "T+1h",
        "T+30 min: restore",
        "Fail back (next day)",
        "Drop it (after 7 days)",
        "Tomorrow",
        "18:00 UTC",
        "On Friday, 18:00",
    ],
)
def test_a_step_for_later_does_not_run_at_once(words: str) -> None:
    item = f"1. Look: `ls x`\n2. {words}: `make drop`\n"
    assert released(item) == [("shell", False), ("shell", True)]
    assert warned(item, 2, "This step is for later, so a person releases it")
    block = f"## Do\n\n```sh\nls x\n```\n\n{words}:\n\n```sh\nmake drop\n```\n"
    assert released(block) == [("shell", False), ("shell", True)]
    heading = f"## Look\n\n- Look: `ls x`\n\n## {words}\n\n- Drop: `make drop`\n"
    assert [kind for kind, _ in released(heading)] == ["shell", "decision", "shell"]
    assert warned(heading, 5, "is for later")
    assert released(item.replace(": `make", " {run}: `make")) == [("shell", False), ("shell", False)]


@pytest.mark.parametrize("words", ["After the deploy", "Wait for the rollout", "Later versions", "The next release"])
def test_other_words_about_time_mean_nothing_special(words: str) -> None:
    assert released(f"1. {words}: `make x y`\n") == [("shell", False)]


@pytest.mark.parametrize(
    "text",
    [
        "* Evict: `make evict`\n* or flush: `make flush`\n* or scale up in the console\n",
        "1. Evict: `make evict`\n2. Or: `make flush`\n",
        "Do one of the following:\n\n- Evict: `make evict`\n- Flush: `make flush`\n",
        "Then either of these:\n\n- Evict: `make evict`\n- Flush: `make flush`\n",
        "Choose one:\n\n1. Evict: `make evict`\n2. Flush: `make flush`\n",
    ],
)
def test_of_several_ways_none_runs_unless_a_person_says_so(text: str) -> None:
    assert released(text)[:2] == [("shell", True), ("shell", True)]
    line = text.split("\n").index(next(entry for entry in text.split("\n") if "vict" in entry)) + 1
    assert warned(text, line, "one of several ways")
    assert released(text.replace("`make flush`", "`make flush` {run}"))[1] == ("shell", False)


@pytest.mark.parametrize(
    "words", ["Rollback: apply the old state", "To roll back", "To undo this, run", "Roll back with"]
)
def test_a_way_back_does_not_run_with_the_others(words: str) -> None:
    text = f"## Do\n\n```sh\nmake new\n```\n\n{words}:\n\n```sh\nmake old\n```\n"
    assert released(text) == [("shell", False), ("shell", True)]
    assert released(f"## Rollback\n\n{words}:\n\n```sh\nmake old\n```\n") == [("shell", False)]


@pytest.mark.parametrize("code", ["AKIA...", "sha256:…", "xoxb-..."])
def test_an_abbreviated_value_is_no_command(code: str) -> None:
    assert released(f"1. Find the key id: `{code}`\n") == [("manual", False)]


def test_commands_in_a_table_are_pointed_out() -> None:
    table = "| Step | Command |\n|---|---|\n| Key | `openssl genrsa -out new.key 2048` |\n"
    assert warned(f"# Rotate\n\n{table}\n- [ ] Reload\n", 3, "A table is treated as text")
    settings = "| Name | Meaning |\n|---|---|\n| `PORT` | `8080` |\n"
    assert not warned(f"# Rotate\n\n{settings}\n- [ ] Reload\n", 3, "A table")


@pytest.mark.parametrize(
    "words", ["Run the upgrade (as the `postgres` user on the primary)", "Promote it on the secondary"]
)
def test_a_role_names_another_machine(words: str) -> None:
    assert released(f"1. {words}:\n\n   ```sh\n   make x\n   ```\n") == [("manual", False)]


def test_a_time_above_a_list_says_when_its_steps_run() -> None:
    text = "## Scale\n\nFriday 18:00 UTC\n- Up: `make up`\n\nMonday 09:00 UTC\n- Down: `make down`\n"
    assert released(text) == [("shell", True)] * 2


@pytest.mark.parametrize(
    "words", ["Do not run this while imports are running", "Never do this", "Scale it up, for example"]
)
def test_what_is_not_to_be_run_is_for_a_person(words: str) -> None:
    text = f"## Do\n\n```sh\nmake new\n```\n\n{words}:\n\n```sh\nmake old\n```\n"
    assert released(text) == [("shell", False), ("manual", False)]
    assert warned(text, 7, "")
    assert released(text.replace("sh\nmake old", "sh run\nmake old")) == [("shell", False), ("shell", False)]


def test_words_that_only_begin_like_a_ban_are_none() -> None:
    assert released("## Do\n\nDon't forget to run:\n\n```sh\nmake old\n```\n") == [("shell", False)]


@pytest.mark.parametrize("words", ["~~Restart it~~", "(Deprecated) Restart it", "Restart it (no longer needed)"])
def test_what_is_no_longer_needed_does_not_simply_run(words: str) -> None:
    assert released(f"1. {words}: `make x`\n") == [("shell", True)]


@pytest.mark.parametrize(
    "words", ["Run `./bootstrap.sh`, then seed.", "`./rollback.sh production`", "Then run `make x`."]
)
def test_a_command_in_a_paragraph_is_pointed_out(words: str) -> None:
    assert warned(f"# Do\n\n{words}\n\n- Look: `ls x`\n", 3, "The command in this paragraph is not run")
    assert not warned("# Do\n\n`PORT` is the port.\n\n- Look: `ls x`\n", 3, "not run")


@pytest.mark.parametrize("words", ["Later, when all is quiet", "Later", "Later on"])
def test_what_is_for_later_is_released(words: str) -> None:
    assert released(f"1. Do: `make x`\n\n{words}:\n\n1. Drop: `make drop`\n") == [("shell", False), ("shell", True)]


@pytest.mark.parametrize(
    "heading",
    [
        "You should not perform this action!",
        "Never do this",
        "Do not use",
        "Restart it (deprecated)",
        "~~Restart it~~",
        "Obsolete",
    ],
)
def test_a_heading_says_not_to_do_what_is_below(heading: str) -> None:
    text = f"## Do\n\n- Do: `make x`\n\n## {heading}\n\n- Old: `make old`\n\n### More\n\n```sh\nmake older\n```\n"
    assert released(text) == [("shell", False), ("manual", False), ("manual", False)]
    assert warned(text, 5, "says not to do it")
    assert released(text.replace(heading, f"{heading} {{run}}")) == [("shell", False)] * 3


@pytest.mark.parametrize("heading", ["Don't panic", "Avoid downtime", "Do it"])
def test_other_headings_say_no_such_thing(heading: str) -> None:
    assert released(f"## {heading}\n\n- Old: `make old`\n") == [("shell", False)]


@pytest.mark.parametrize("words", ["Alternatively, use make:", "Or:", "Or with make:"])
def test_another_way_as_a_block_is_released(words: str) -> None:
    text = f"## Do\n\n```sh\nmake x\n```\n\n{words}\n\n```sh\nmake y\n```\n"
    assert released(text) == [("shell", False), ("shell", True)]
    assert released("## Do\n\nAlternatively:\n\n```sh\nmake y\n```\n") == [("shell", False)]


@pytest.mark.parametrize("words", ["Never run `make old` on Fridays.", "Do not do this now", "Don't restart it:"])
def test_a_block_in_an_item_that_forbids_it_does_not_run(words: str) -> None:
    for block in ("\n   ```sh\n   make old\n   ```\n", "\n```sh\nmake old\n```\n"):
        assert released(f"1. Do: `make x`\n2. {words}\n{block}") == [("shell", False), ("manual", False)]
        assert warned(f"1. Do: `make x`\n2. {words}\n{block}", 2, "say not to run it")
        assert released(f"1. Do: `make x`\n2. {words} {{run}}\n{block}")[1] == ("shell", False)
