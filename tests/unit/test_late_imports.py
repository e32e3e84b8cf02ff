"""What asks models or PostgreSQL takes long to load, and is not always needed: nothing loads it before then."""

from __future__ import annotations

import subprocess
import sys

from tests.unit.conftest import ROOT

MODULES = ("app.main", "worker", "app.cli", "app.storage.migrate", "signoff", "activities.planning")
LATER = ("pydantic_ai", "openai", "anthropic", "asyncpg")


def test_starting_up_does_not_load_what_asks_models_or_postgresql() -> None:
    # One process for all modules: if none of them loads it together, none does alone.
    code = f"import sys, {', '.join(MODULES)}; print([module for module in {LATER} if module in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
