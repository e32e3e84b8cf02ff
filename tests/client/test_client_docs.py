"""Run the examples of docs/client.md and of the README unchanged."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import Stack

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "client.md").read_text()
_BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = _BLOCKS.findall(TEXT) + _BLOCKS.findall((ROOT / "README.md").read_text())


@pytest.mark.parametrize(
    ("example", "printed"),
    list(
        zip(
            EXAMPLES,
            [
                "completed 100.0\n42\n42 users\n",
                "project.completed\n",
                "numbers.txt made by Count\n",
                "plan_superseded 1\nsomebody",
                "['in/sales.csv']\nb'month'",
                "completed\n3 rows\n",
            ],
            strict=True,
        )
    ),
)
async def test_an_example_works(signoff: Stack, example: str, printed: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", example),
        env=os.environ | {"SIGNOFF_URL": signoff.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    assert printed in out.decode()


def test_every_method_is_named() -> None:
    from signoff import Signoff  # noqa: PLC0415

    named = set(re.findall(r"\w+", TEXT.split("## All methods")[1].split("Name a task")[0]))
    with Signoff() as client:
        groups = (client, client.projects, client.tasks, client.phases, client.decisions, client.files)
        methods = {name for group in groups for name in dir(group) if not name.startswith("_")}
    assert methods - {"close", "url", "is_local"} <= named
