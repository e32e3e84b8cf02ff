"""What asks models takes a second to load, and is not always installed: nothing loads it before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.conftest import ROOT


@pytest.mark.parametrize("module", ["app.main", "worker", "app.cli", "signoff", "activities.planning"])
def test_starting_up_does_not_load_what_asks_models(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('pydantic_ai', 'openai', 'anthropic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
