"""The kind of database for this run of the tests. Use `pytest --database=postgresql` for the other one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.postgresql import PostgresServer

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# A test that uses one of these fixtures works with a database, or with a whole Signoff.
_WITH_DATABASE = {"database", "database_url", "temporal_server", "processes"}
# Fixtures of tests about one kind of database. Such tests run only once.
_OF_ONE_KIND = {"file", "sqlite_only", "postgres_server"}
# These tests bring their own databases, or they test something that does not depend on the database: programs around Signoff,
# the API's document, requests that are refused before a handler sees them or because of a state, files, sandboxes, model
# protocols and answers that are not stored. What they do with a database, other tests do on both kinds.
_ONLY_ONCE = (
    "e2e", "replay", "client", "contract", "test_compose.py", "test_call_table.py", "test_planner_provider.py",
    "test_agent_edges.py", "test_plan_repairs.py", "test_outline_preview.py", "test_trust.py", "test_errors.py",
    "test_methods.py", "test_openapi.py", "test_page.py", "test_peers.py", "test_limits.py", "test_archetypes.py",
    "test_private_places.py", "test_guard_attacks.py", "test_request_values.py", "test_record_and_workflow.py",
    "test_unsandboxed.py", "test_task_as_owner.py", "test_nothing_ignored.py",
)  # fmt: skip


class Databases:
    """Gives each test, or each Signoff of the tests, its own database."""

    def __init__(self) -> None:
        self.kind = SQLITE
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

    def close(self) -> None:
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
        )


def _any_part(path: Path, names: Iterable[str]) -> bool:
    return not set(names).isdisjoint(path.parts)


DATABASES = Databases()
