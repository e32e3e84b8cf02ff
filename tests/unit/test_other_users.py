"""Commands that are for another user of the machine do not run as the user of the worker."""

from __future__ import annotations

import pytest

from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

SOMEBODY = [
    "As the root user, run",
    "As root",
    "As postgres, run",
    "Then, as the deploy user, do it",
    "Run this as root",
    "Run the migration as the user app",
    "Switch to the postgres user",
    "Switch to root and clean it",
    "Become root",
    "Log in as the backup user",
    "Run it with root privileges",
    "Run the following with sudo",
]
NOBODY_ELSE = [
    "As usual",
    "As a regular user",
    "As your user",
    "As the same user",
    "As soon as the build is done, look",
    "Serve it from the root as before",
    "Switch to the release branch",
    "Use the folder as the root of the site",
    "Build with the user guide",
]


def kinds(text: str) -> list[str]:
    draft = read_outline(text, has_model=True)
    again = read_outline(to_markdown(draft, "X"), has_model=True)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return [task.action.type for task in draft.tasks()]


@pytest.mark.parametrize("words", SOMEBODY)
def test_commands_for_another_user_are_for_a_person(words: str) -> None:
    item = f"1. Look: `ls x`\n2. {words}: `make clean`\n"
    assert kinds(item) == ["shell", "manual"]
    assert any(
        warning.startswith("Line 2: ") and "{run}" in warning
        for warning in read_outline(item, has_model=False).warnings
    )
    block = f"## Do\n\n```sh\nls x\n```\n\n{words}:\n\n```sh{{}}\nmake clean\n```\n"
    assert kinds(block.format("")) == ["shell", "manual"]
    assert kinds(block.format(" run")) == ["shell", "shell"]
    assert kinds(f"## Do\n\n- Look: `ls x`\n\n## {words}\n\n- Clean: `make clean`\n") == ["shell", "manual"]


@pytest.mark.parametrize("words", SOMEBODY)
@pytest.mark.parametrize(
    "command", ["sudo -u app make clean", "su app -c 'make clean'", "runuser -u app -- make clean"]
)
def test_a_command_that_becomes_that_user_runs(words: str, command: str) -> None:
    assert kinds(f"1. {words}: `{command}`\n") == ["shell"]


@pytest.mark.parametrize("words", NOBODY_ELSE)
def test_other_words_mean_nothing_special(words: str) -> None:
    assert kinds(f"1. {words}: `make clean`\n") == ["shell"]
    assert kinds(f"## Do\n\n{words}:\n\n```sh\nmake clean\n```\n") == ["shell"]


def test_a_command_that_is_not_always_run_says_so_behind_it() -> None:
    text = "1. Look: `ls x` (optional)\n2. `make clean` (if needed)\n3. Run `make x` (optional)\n4. Build: `make y`\n"
    plan = read_outline(text, has_model=False)
    assert [(task.title, task.action.type, task.requires_approval) for task in plan.tasks()] == [
        ("Look (optional)", "shell", True),
        ("make clean (if needed)", "shell", True),
        ("Run make x (optional)", "manual", False),
        ("Build", "shell", False),
    ]
    assert kinds(text) == ["shell", "shell", "manual", "shell"]
