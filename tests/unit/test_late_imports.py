"""What asks models or PostgreSQL, checks passkeys, or makes traces or examples takes long to load: it is loaded when needed."""

from __future__ import annotations

import subprocess
import sys

from tests.unit.conftest import ROOT

MODULES = ("app.main", "worker", "app.cli", "app.storage.migrate", "signoff", "activities.planning")
LATER = (
    *("pydantic_ai", "openai", "anthropic", "asyncpg", "webauthn", "polyfactory", "joserfc", "authlib", "apprise"),
    *("opentelemetry.trace", "opentelemetry.sdk"),
)


def test_starting_up_does_not_load_what_only_some_requests_need() -> None:
    # One process for all modules: if none of them loads it together, none does alone.
    seen = f"[module for module in {LATER} if module in sys.modules]"
    code = f"import sys, {', '.join(MODULES)}; app.main.create_app(); print({seen})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
