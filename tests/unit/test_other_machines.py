"""Blocks that log in to another machine: what follows the login is never run on the worker."""

from __future__ import annotations

import pytest

from app.planning.outline.reader import read_outline


@pytest.mark.parametrize(
    "lines",
    [
        "ssh db1\nsystemctl stop postgres",
        "ssh -i key.pem -p 22 admin@db1\nrm -rf data",
        "$ ssh -A db1\n$ rm -rf data",
    ],
)
@pytest.mark.parametrize("language", ["sh", "bash", "console"])
def test_what_follows_a_login_is_for_a_person(lines: str, language: str) -> None:
    plan = read_outline(
        f"# Move\n\n1. Stop it\n\n   ```{language}\n" + _indented(lines) + "\n   ```\n", has_model=False
    )
    assert [task.action.type for task in plan.tasks()] == ["manual"]
    assert any(warning.lower().startswith("line 5") for warning in plan.warnings)


@pytest.mark.parametrize(
    "lines", ["ssh db1 uptime\ndate", "ssh db1 <<'X'\nuptime\nX\ndate", "scp a db1:\ndate", "ssh -V\ndate"]
)
def test_a_remote_command_runs(lines: str) -> None:
    plan = read_outline("# Look\n\n1. Look\n\n   ```bash\n" + _indented(lines) + "\n   ```\n", has_model=False)
    assert [task.action.type for task in plan.tasks()] == ["shell"]


def _indented(lines: str) -> str:
    return "\n".join(f"   {line}" for line in lines.split("\n"))
