"""Parameters in the values of variables: what a plan may say."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft
from app.domain.registry import load_actions
from app.domain.validation import check_draft
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

PLAN = """---
parameters:
  environment: {choices: [staging, production], default: staging}
  copies: {type: number, default: 3}
env: {TARGET: "${{ parameters.environment }}"}
---

# Release

## Ship

```env
URL: https://${{ parameters.environment }}.example
```

- Ship {#ship}

  ```env
  COPIES: ${{ parameters.copies }}
  ```

  ```sh
  echo "$TARGET $URL $COPIES"
  ```
"""


def checked(text: str) -> PlanDraft:
    draft = read_outline(text, has_model=False)
    check_draft(draft, load_actions(), None)
    return draft


def test_variables_of_plan_phase_and_task_may_use_parameters() -> None:
    draft = checked(PLAN)
    assert draft.tasks()[0].action.fields()["env"] == {
        "TARGET": "${{ parameters.environment }}",
        "URL": "https://${{ parameters.environment }}.example",
        "COPIES": "${{ parameters.copies }}",
    }
    assert read_outline(to_markdown(draft, "Release"), has_model=False).phases == draft.phases


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${{ secrets.KEY }}", "in 'env', '${{ … }}' can only be a parameter"),
        ("${{ tasks.a.outputs.b }}", "in 'env', '${{ … }}' can only be a parameter"),
        ("${{ project.name }}", "in 'env', '${{ … }}' can only be a parameter"),
        ("${{ parameters.country }}", "the plan has no parameter 'country'"),
    ],
)
def test_anything_else_is_refused(value: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked(f"- It\n\n  ```env\n  A: {value}\n  ```\n\n  ```sh\n  true\n  ```")
    assert any(message in problem.message for problem in caught.value.info.details)
