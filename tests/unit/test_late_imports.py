"""What asks models or PostgreSQL, checks passkeys, or makes traces or examples takes long to load: it is loaded when needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from signoff import schemas
from tests.unit.conftest import ROOT

MODULES = ("app.main", "worker", "app.cli", "app.storage.migrate", "signoff", "activities.planning")
LATER = (
    *("pydantic_ai", "openai", "anthropic", "asyncpg", "webauthn", "polyfactory", "joserfc", "authlib", "apprise"),
    *("opentelemetry.trace", "opentelemetry.sdk"),
)
SERVER = (
    *("sqlalchemy", "alembic", "temporalio", "litestar", "uvicorn", "structlog", "activities"),
    *("workflows.contracts", "workflows.search_attributes"),
)
# Types of the API that a list of projects does not have.
OTHER_TYPES = tuple(
    f"signoff.schemas.{name}"
    for name in ("event_data", "insight", "inbox", "outline", "people", "plans", "projects", "signing_links", "tasks")
)
SETTINGS = ("app.settings.every", "pydantic_settings", "app.domain.policies")
# What a worker and an app need for few plans, for another database, or before they start.
SELDOM = ("markdown_it", "jsonschema", "sqlalchemy.dialects.postgresql", "alembic")
# What is imported, and what that must not load.
LIGHT = {
    "app.cli": ("asyncio", "pydantic", "rich", "httpx", "signoff", *SETTINGS, *SERVER),
    "app.cli.projects, app.cli.tasks, app.cli.inbox": (*OTHER_TYPES, *SETTINGS, *SERVER),
    "app.cli.run": ("pydantic_ai", *SERVER),
    "signoff._async.client, signoff._sync.client": OTHER_TYPES,
    "app.cli.services, app.supervisor": ("rich", "httpx", *SERVER),
    "worker; worker.load_actions()": (*SELDOM, "yaml", "app.planning.outline.front_matter"),
    "app.main; app.main.load_actions()": (*SELDOM, "app.planning.outline.reader"),
}


def loaded(code: str, unwanted: tuple[str, ...]) -> str:
    """The unwanted modules that a new process has loaded after some code."""
    seen = f"print([module for module in {unwanted!r} if module in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {code}; {seen}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_starting_up_does_not_load_what_only_some_requests_need() -> None:
    # One process for all modules: if none of them loads it together, none does alone.
    assert loaded(f"{', '.join(MODULES)}; app.main.create_app()", LATER) == "[]"


@pytest.mark.parametrize("code", LIGHT)
def test_a_process_loads_only_what_it_uses(code: str) -> None:
    assert loaded(code, LIGHT[code]) == "[]"


def test_every_module_of_types_is_loaded_on_first_use() -> None:
    files = {file.stem for file in Path(schemas.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(schemas.__all__) == files
    assert {getattr(schemas, name).__name__ for name in files} == {f"signoff.schemas.{name}" for name in files}
