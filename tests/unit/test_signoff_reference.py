"""`${{ signoff.url }}`: the address of Signoff itself."""

from __future__ import annotations

import pytest

from app.domain.references import Reference, parse, resolve
from tests.conftest import Stack

PLAN = """\
- Ask {#ask}

  ```http
  GET ${{ signoff.url }}/health
  ```
- Tell {#tell}

  ```inputs
  URL: ${{ signoff.url }}
  ```

  ```sh
  echo "url=$INPUT_URL" >> "$SIGNOFF_OUTPUT"
  ```
"""


def test_the_address_is_the_only_fact_about_signoff() -> None:
    assert parse("signoff.url") == Reference("signoff", "url")
    assert resolve("${{ signoff.url }}/health", lambda found: f"http://{found.name}") == "http://url/health"
    for other in ("signoff", "signoff.", "signoff.api_key", "signoff.urls", "signoff.url.x"):
        with pytest.raises(ValueError, match=r"signoff\.url or"):
            parse(other)


async def test_tasks_reach_the_app_that_they_belong_to(signoff: Stack) -> None:
    project = await signoff.finished(await signoff.started(PLAN))
    assert project["status"] == "completed", project["failure"]
    asked, told = project["tasks"]
    assert asked["outputs"]["json"]["status"] == "ok"
    assert asked["outputs"]["url"] == f"{signoff.url}/health"
    assert told["outputs"]["url"] == signoff.url
