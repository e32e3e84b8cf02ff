"""Runs from the approval to the end, on a real Temporal server with a real worker."""

from __future__ import annotations

from tests.conftest import Stack

TWO_PHASES = """
# Two phases

## Gather {#gather}

- First {#first}

  ```sh
  echo hello > first.txt; echo "word=hello" >> "$SIGNOFF_OUTPUT"
  ```

- Second {#second}: `echo second`

## Report (sequential) {#report}

- Write {#write after=first}

  ```inputs
  word: ${{ tasks.first.outputs.word }}
  ```

  ```sh
  echo "$INPUT_WORD world" > report.txt
  ```
- Done {#done milestone}
"""


async def test_a_run_completes_with_every_event_in_order(signoff: Stack) -> None:
    project_id = await signoff.started(TWO_PHASES)
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert {task["key"]: task["status"] for task in project["tasks"]} == dict.fromkeys(
        ["first", "second", "write", "done"], "completed"
    )
