"""What one step sets is gone in the next: a step that reads it anyway is a problem, before anybody signs."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.planning.outline.reader import read_outline


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
def test_a_step_that_reads_what_another_one_computes_is_a_problem(first: str, second: str, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_outline(two_steps(first, second), has_model=False)
    problem = refused.value.info.details[-1]
    lines = two_steps(first, second).split("\n")
    line = max(number for number, text in enumerate(lines, 1) if text == f"   {second}")
    assert problem.field.startswith(f"line {line}, ")
    assert f"Nothing in this step sets ${name}:" in problem.message
    assert "SIGNOFF_OUTPUT" in problem.message


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
