"""Settings that tasks share: they become fields of the tasks, a task overrides them, and the Markdown of a plan has them."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import Invalid
from app.domain.plan import RunSettings, TaskDraft, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

PLAN = """---
env: {REGION: eu-1, LEVEL: 1, EMPTY: ''}
cwd: app
shell: bash
timeout: 10m
---

# Plan

## One {#one cwd=one timeout=1m}

```env
# How much is said
LEVEL=2
```

- Inherits: `make` {#inherits}
- Overrides {#overrides timeout=5 cwd=own}

  ```env
  LEVEL: 3
  OTHER: "a b"
  ```

  ```sh
  make
  ```
- [ ] Look {#look}
- Ask {#ask}

  ```http
  GET https://example.com/
  ```
- Write {#write}

  ```prompt
  Write.
  ```

## Two {shell=sh}

- Plain: `make` {#plain}
"""


def tasks(text: str) -> dict[str, TaskDraft]:
    return {task.key: task for task in read_outline(text, has_model=False).tasks()}


def fields(task: TaskDraft) -> dict[str, Any]:
    return task.action.fields()


def test_a_task_has_what_its_phase_or_plan_says_and_it_does_not() -> None:
    made = tasks(PLAN)
    assert fields(made["inherits"]) == {
        "argv": ["bash", "-eo", "pipefail", "-c", "make"],
        "cwd": "one",
        "env": {"REGION": "eu-1", "LEVEL": "2", "EMPTY": ""},
    }
    assert made["inherits"].timeout_seconds == 60
    assert fields(made["overrides"]) == {
        "argv": ["bash", "-eo", "pipefail", "-c", "make"],
        "cwd": "own",
        "env": {"REGION": "eu-1", "LEVEL": "3", "EMPTY": "", "OTHER": "a b"},
    }
    assert made["overrides"].timeout_seconds == 5
    assert (fields(made["plain"])["command"], fields(made["plain"])["cwd"], made["plain"].timeout_seconds) == (
        "make",
        "app",
        600,
    )


def test_each_action_gets_what_means_something_for_it() -> None:
    made = tasks(PLAN)
    assert (fields(made["look"]), made["look"].timeout_seconds) == ({}, None)
    assert (set(fields(made["ask"])), made["ask"].timeout_seconds) == ({"method", "url"}, 60)
    assert (fields(made["write"])["env"]["LEVEL"], made["write"].timeout_seconds) == ("2", 60)
    assert "cwd" not in fields(made["write"])


def test_the_markdown_of_the_plan_says_it_task_by_task() -> None:
    draft = read_outline(PLAN, has_model=False)
    text = to_markdown(draft, "Plan")
    assert digest_of(read_outline(text, has_model=False), RunSettings()) == digest_of(draft, RunSettings())
    assert "```bash cwd=one\n  make\n  ```" in text
    assert "LEVEL: 3\n" in text


def test_a_task_as_json_stays_as_it_is() -> None:
    text = '---\ntimeout: 5\n---\n- ```task\n  {"key": "a", "title": "A", "action": {"type": "shell", "command": "b"}}\n  ```\n'
    assert tasks(text)["a"].timeout_seconds is None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("---\nshell: tcsh\n---\n- A: `b`", 2, "'shell' must be one of sh, bash, zsh, ksh, dash."),
        ("---\ntimeout: soon\n---\n- A: `b`", 2, "'soon' is not a valid duration"),
        ("---\ntimeout: 31d\n---\n- A: `b`", 2, "at most 30 days"),
        ("---\ncwd: [a]\n---\n- A: `b`", 2, "'cwd' must be a folder"),
        ("---\nenv: [A]\n---\n- A: `b`", 2, "write one line for each entry"),
        ("---\nenv: {A: [1]}\n---\n- A: `b`", 2, "must be a text"),
        ("---\nenv:\n  A-B: 1\n---\n- A: `b`", 3, "'A-B' is not a valid name"),
        ("---\nenv:\n  SIGNOFF_URL: x\n---\n- A: `b`", 3, "'SIGNOFF_URL' is not a valid name"),
        ("## P {shell=tcsh}\n- A: `b`", 1, "'shell' must be one of sh, bash, zsh, ksh, dash."),
        ("## P {timeout=0}\n- A: `b`", 1, "more than 0"),
        ("## P {retries=2}\n- A: `b`", 1, "Unknown attribute 'retries' of a phase"),
        ("## P {cwd}\n- A: `b`", 1, "'cwd' needs a value"),
        ("- A: `b`\n  ```env\n  x y\n  ```", 3, "Write a variable as NAME: value."),
        ("- A: `b`\n  ```env\n  X: 1\n  X: 2\n  ```", 4, "appears twice"),
        ("- A: `b`\n  ```env\n  INPUT_X: 1\n  ```", 3, "reserved"),
        ("- A: `b`\n  ```env\n  X: 1\n  ```\n  ```env\n  Y: 2\n  ```", 5, "already has an env block"),
        ("- A {cwd=x}\n  ```sh cwd=y\n  b\n  ```", 1, "'cwd' is given twice"),
    ],
)
def test_errors_name_their_line(text: str, line: int, message: str) -> None:
    with pytest.raises(Invalid) as error:
        read_outline(text, has_model=False)
    (problem,) = error.value.info.details
    assert problem.field.startswith(f"line {line},")
    assert message in problem.message


def test_variables_in_a_task_of_a_person_show_a_file() -> None:
    made = tasks("- [ ] Create the settings {#a}\n\n  ```env\n  KEY=value\n  export X\n  ```\n")
    assert made["a"].description == "```env\nKEY=value\nexport X\n```"
