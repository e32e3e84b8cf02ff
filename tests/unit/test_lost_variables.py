"""What one step sets is gone in the next: a step that reads it anyway is for a person."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


def two_steps(first: str, second: str) -> str:
    return f"# Clean\n\n1. Look\n\n   ```bash\n   {first}\n   ```\n2. Act\n\n   ```bash\n   {second}\n   ```\n"


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("OLD=$(ls -t | tail -1)", 'rm -rf "/srv/$OLD"', "OLD"),
        ("old=$(ls -t | tail -1)", 'rm -rf "/srv/${old}"', "old"),
        ("OLD=`ls -t`", "echo $OLD", "OLD"),
        ("dir=/srv/cache", "rm -rf $dir/*", "dir"),
        ("FILES=(a b)", 'rm "${FILES[@]}"', "FILES"),
        ('export OLD="$(ls)"\n   echo "$OLD"', 'echo "$OLD"', "OLD"),
    ],
)
def test_a_person_does_a_step_that_reads_what_another_one_computes(first: str, second: str, name: str) -> None:
    draft = read_outline(two_steps(first, second), has_model=False)
    act = draft.tasks()[1]
    assert act.action.type == "manual"
    assert second in act.description
    lines = two_steps(first, second).split("\n")
    line = max(number for number, text in enumerate(lines, 1) if text == f"   {second}")
    (warning,) = [text for text in draft.warnings if text.startswith(f"Line {line}: A person does this step")]
    assert f"reads ${name}, which only another step sets" in warning
    assert "SIGNOFF_OUTPUT" in warning
    assert plan_of(to_markdown(draft, "Clean")) == plan_of(two_steps(first, second))


def plan_of(text: str) -> str:
    return digest_of(read_outline(text, has_model=False), RunSettings())


@pytest.mark.parametrize(
    "step",
    [
        'Act: `rm "$OLD"` {run}',
        'Act: `rm "$OLD"` {timeout=5m}',
        'Act {run}\n\n   ```bash\n   rm "$OLD"\n   ```',
        'Act\n\n   ```bash run\n   rm "$OLD"\n   ```',
        'Act {timeout=5m}\n\n   ```bash\n   rm "$OLD"\n   ```',
    ],
)
def test_a_step_that_must_run_and_cannot_is_a_problem(step: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_outline(f"1. Look\n\n   ```bash\n   OLD=$(ls)\n   ```\n2. {step}\n", has_model=False)
    (problem,) = refused.value.info.details
    assert "This step reads $OLD, which only another step sets" in problem.message
    assert "SIGNOFF_OUTPUT" in problem.message


def test_a_person_does_inline_code_that_reads_what_another_step_computes() -> None:
    text = '1. Look\n\n   ```bash\n   OLD=$(ls)\n   ```\n2. Act: `rm "$OLD"`\n3. [ ] Tick: `rm "$OLD"`\n'
    draft = read_outline(text, has_model=False)
    assert [task.action.type for task in draft.tasks()] == ["shell", "manual", "manual"]
    assert [task.title for task in draft.tasks()][1:] == ['Act: rm "$OLD"', 'Tick: rm "$OLD"']
    assert plan_of(to_markdown(draft, "Clean")) == plan_of(text)


def test_a_plan_of_the_api_keeps_its_commands_as_markdown() -> None:
    action = {"type": "shell", "argv": ["bash", "-eo", "pipefail", "-c", "OLD=$(ls)"]}
    reads = {"type": "shell", "command": 'rm "$OLD"'}
    tasks = [
        {"key": "look", "title": "Look", "action": action},
        {"key": "act", "title": "Act", "action": reads, "depends_on": ["look"]},
    ]
    draft = PlanDraft.model_validate({"phases": [{"key": "tasks", "name": "Tasks", "tasks": tasks}]})
    assert plan_of(to_markdown(draft, "Clean")) == digest_of(draft, RunSettings())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("OLD=$(ls)", 'rm "${OLD:-none}"'),
        ("OLD=$(ls)", 'rm "${OLD:?there is none}"'),
        ("OLD=$(ls)", 'if [ -n "$OLD" ]; then rm "$OLD"; fi'),
        ("OLD=$(ls)", 'OLD=$(ls); rm "$OLD"'),
        ("OLD=$(ls)", '. ./settings; rm "$OLD"'),
        ("old=$(ls)", 'for old in *; do rm "$old"; done'),
        ("old=$(ls)", 'read -r old < list; rm "$old"'),
        ("old=$(ls)", "awk '{print $old}' list"),
        ("HOME=$(pwd)", "ls $HOME"),
        ("old=$(ls)", 'old+=x; ((old++)); echo "$old"'),
    ],
)
def test_a_guarded_use_and_one_that_something_else_may_set_are_none(first: str, second: str) -> None:
    assert len(read_outline(two_steps(first, second), has_model=False).tasks()) == 2


def test_a_variable_of_the_plan_is_none() -> None:
    text = "---\nenv: {dir: cache}\n---\n" + two_steps("dir=$(pwd); ls $dir", "ls $dir")
    assert len(read_outline(text, has_model=False).tasks()) == 2
