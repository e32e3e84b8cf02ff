"""The kind of database for this run of the tests. Use `pytest --database=postgresql` for the other one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.database.url import sqlite_path
from app.storage.migrate import migrate
from tests.postgresql import PostgresServer

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# A test that uses one of these fixtures works with a database, or with a whole Signoff.
_WITH_DATABASE = {"database", "database_url", "temporal_server", "processes", "shared_processes"}
# Fixtures of tests about one kind of database. Such tests run only once.
_OF_ONE_KIND = {"file", "sqlite_only", "postgres_server"}
# The units of storage run on both kinds, with every statement in them. Of the tests of a whole Signoff, these run on both: they
# write and read at the same time from several processes, page, search, wait for changes, or lose the database.
_ON_BOTH = (
    "unit", "test_approve_cancel.py", "test_copies.py", "test_edits.py", "test_events.py", "test_get_delete.py",
    "test_history.py", "test_idempotency.py", "test_list.py", "test_live_events.py", "test_logs.py", "test_metrics.py",
    "test_plan.py", "test_put.py", "test_sealed_decisions.py", "test_seals.py", "test_session.py", "test_tasks.py",
    "test_cancel.py", "test_decisions.py", "test_failure.py", "test_late_answers.py", "test_live_edits.py",
    "test_lost_runs.py", "test_pause.py", "test_planning.py", "test_retry.py", "test_run.py", "test_database_away.py",
)  # fmt: skip
# Tests of other files that run on both kinds.
_THESE_TOO = (
    "test_kill_in_the_middle_of_ten_tasks[all-three]", "test_tools_work_in_the_workspace_and_each_step_is_an_event",
    "test_a_budget_stops_the_project_before_it_is_passed_and_asks",
)  # fmt: skip
# In a folder of `_ON_BOTH`, but they start a database of their own.
_ONLY_ONCE = ("test_compose.py",)


class Databases:
    """Gives each test, or each Signoff of the tests, its own database."""

    def __init__(self) -> None:
        self.kind = SQLITE
        self._empty: tempfile.TemporaryDirectory[str] | None = None
        self._server: PostgresServer | None = None

    def server(self) -> PostgresServer:
        """The PostgreSQL server, started when it is first needed."""
        if self._server is None:
            self._server = PostgresServer()
            self._server.start()
            self._server.make_template()
        return self._server

    def setting(self) -> str:
        """Return `SIGNOFF_DATABASE_URL` for a new Signoff; empty for a file in its data folder."""
        return self.server().make_database() if self.kind == POSTGRESQL else ""

    def migrated(self, url: str) -> None:
        """Make sure that the database at `url` has every migration. A copy of a migrated file is made faster than a migration."""
        path = sqlite_path(url)
        # On PostgreSQL, `setting` already copied a migrated database.
        if path is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.empty_file(), path)

    def empty_file(self) -> Path:
        """An SQLite database with every migration and no rows."""
        if self._empty is None:
            self._empty = tempfile.TemporaryDirectory(prefix="signoff-schema-")
            migrate(f"sqlite+aiosqlite:///{self._empty.name}/empty.db")
        return Path(self._empty.name) / "empty.db"

    def close(self) -> None:
        if self._empty is not None:
            self._empty.cleanup()
            self._empty = None
        if self._server is not None:
            self._server.remove()
            self._server = None

    def runs(self, item: pytest.Item) -> bool:
        """Whether a test belongs to this run. On SQLite every test does."""
        fixtures = set(getattr(item, "fixturenames", ()))
        return self.kind == SQLITE or (
            not _WITH_DATABASE.isdisjoint(fixtures)
            and _OF_ONE_KIND.isdisjoint(fixtures)
            and not _any_part(item.path, _ONLY_ONCE)
            and (_any_part(item.path, _ON_BOTH) or item.name in _THESE_TOO)
        )


def _any_part(path: Path, names: Iterable[str]) -> bool:
    return not set(names).isdisjoint(path.parts)


DATABASES = Databases()
