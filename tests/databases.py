"""The kind of database for this run of the tests. Use `pytest --database=postgresql` for the other one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings as property_settings

from app.database.url import sqlite_path
from app.storage.migrate import migrate
from tests.postgresql import PostgresServer

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# A test that uses one of these fixtures works with a database, or with a whole Signoff.
_WITH_DATABASE = {"database", "database_url", "temporal_server", "processes", "shared_processes"}
# Fixtures of tests about one kind of database. Such tests run only once.
_OF_ONE_KIND = {"file", "sqlite_only", "postgres_server"}
# The units of storage run on both kinds, with every statement in them. Of the tests of a whole Signoff, these run on both: they
# page, search, read rows as a database keeps them, or wait for changes.
_ON_BOTH = (
    "unit",
    "test_history.py",
    "test_inbox.py",
    "test_list.py",
    "test_live_events.py",
    "test_seals.py",
)
# Tests of other files that run on both kinds: several writers meet, a process is lost, much is written or deleted at once, or
# they send statements that no other of these tests sends.
_THESE_TOO = (
    "test_a_budget_stops_the_project_before_it_is_passed_and_asks",
    "test_a_copy_has_the_plan_and_nothing_of_the_run",
    "test_a_few_workflows_send_many_and_repeat_only_those_that_were_refused",
    "test_a_guest_reads_and_signs_once",
    "test_a_new_version_starts_from_zero",
    "test_a_person_signs_in_and_has_the_roles_of_their_groups",
    "test_a_plan_runs_once_two_people_approved_who_did_not_write_it",
    "test_a_refused_notification_is_tried_again_and_replayed_with_its_id",
    "test_a_rejection_cancels_the_project_and_says_who_and_why",
    "test_a_request_that_meets_the_end_of_a_run_is_carried_out",
    "test_a_task_added_to_the_phase_under_way_runs_in_it",
    "test_a_terminated_run_is_found_by_a_call",
    "test_after_a_delete_every_call_says_so",
    "test_an_approval_whose_app_is_killed_before_it_is_decided",
    "test_an_edit_of_the_last_phase_keeps_the_run_open_until_its_approval",
    "test_an_edit_that_rewires_what_a_failure_would_skip_saves_it",
    "test_an_edit_waits_for_its_approval_and_the_run_starts_nothing_meanwhile",
    "test_cancel_at_the_moment_of_completions",
    "test_comments_are_kept_with_the_version_and_the_task",
    "test_deleting_a_live_project_stops_it_first",
    "test_every_step_of_a_project_can_be_repeated",
    "test_every_task_makes_a_version_and_keeps_what_was_there",
    "test_kill_in_the_middle_of_ten_tasks[all-three]",
    "test_many_are_deleted_and_one_bad_id_stops_nothing",
    "test_many_arrive_once_each_although_the_receiver_was_down",
    "test_odd_values_come_back_as_they_were",
    "test_of_an_approval_and_a_request_at_the_same_moment_one_wins",
    "test_of_many_answers_one_counts",
    "test_of_many_at_once_one_is_carried_out",
    "test_of_two_processes_that_race_one_carries_it_out",
    "test_of_two_retries_one_starts_a_run",
    "test_phases_and_tasks_ahead_can_be_added_changed_and_removed",
    "test_projects_of_every_state_can_be_deleted",
    "test_refinement_makes_one_version_with_all_edits_or_none",
    "test_retry_goes_on_from_what_failed_and_runs_nothing_done_again",
    "test_roles_and_being_disabled_take_effect_at_once",
    "test_sessions_are_listed_and_revoked",
    "test_tasks_added_while_phases_and_the_run_come_to_their_end_are_run_or_refused",
    "test_tasks_are_listed_by_status_phase_and_page",
    "test_tools_work_in_the_workspace_and_each_step_is_an_event",
    "test_what_a_person_skipped_stays_skipped_and_a_cancelled_run_goes_on",
    "test_what_is_omitted_stays",
    "test_who_does_not_answer_is_reminded_and_then_others_are_told",
)
# `make test-full` runs these on both as well.
_IN_FULL = (
    "test_approve_cancel.py",
    "test_copies.py",
    "test_edits.py",
    "test_events.py",
    "test_get_delete.py",
    "test_idempotency.py",
    "test_plan.py",
    "test_put.py",
    "test_sealed_decisions.py",
    "test_session.py",
    "test_tasks.py",
    "test_cancel.py",
    "test_decisions.py",
    "test_failure.py",
    "test_late_answers.py",
    "test_live_edits.py",
    "test_logs.py",
    "test_lost_runs.py",
    "test_metrics.py",
    "test_notifications.py",
    "test_pause.py",
    "test_planning.py",
    "test_retry.py",
    "test_run.py",
    "test_database_away.py",
)
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
            and (_any_part(item.path, _ON_BOTH) or _named(item) or (full() and _any_part(item.path, _IN_FULL)))
        )


def _named(item: pytest.Item) -> bool:
    return item.name in _THESE_TOO or item.name.partition("[")[0] in _THESE_TOO


def full() -> bool:
    """Whether `make test-full` runs the tests."""
    return property_settings.get_current_profile_name() == "full"


def tries(usual: int, in_full: int) -> int:
    """How often a test repeats something that may go differently each time. `make test-full` repeats it more often."""
    return in_full if full() else usual


def _any_part(path: Path, names: Iterable[str]) -> bool:
    return not set(names).isdisjoint(path.parts)


DATABASES = Databases()
