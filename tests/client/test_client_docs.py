"""docs/client.md names every method of the client. tests/e2e/test_snippets.py runs its examples."""

from __future__ import annotations

import re
from pathlib import Path

from signoff import Signoff

TEXT = (Path(__file__).parents[2] / "docs" / "client.md").read_text()


def test_every_method_is_named() -> None:
    named = set(re.findall(r"\w+", TEXT.split("## All methods")[1].split("Name a task")[0]))
    with Signoff() as client:
        groups = (client, client.projects, client.tasks, client.phases, client.decisions, client.files)
        methods = {name for group in groups for name in dir(group) if not name.startswith("_")}
    assert methods - {"close", "url", "is_local"} <= named
