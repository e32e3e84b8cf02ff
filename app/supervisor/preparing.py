"""Prepares the database and the workspaces folder for the app and the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.hidden_environment import variables
from app.settings import Settings
from app.storage import new_sqlite
from app.supervisor import environment
from app.supervisor.child import Child, start_log
from app.supervisor.errors import StackError
from app.workspace.marker import mark


async def prepare_for_start(settings: Settings, migrate: Sequence[str]) -> None:
    """Prepare them without loading what a migration needs, which would stay in memory as long as this process runs.

    A new SQLite file in the data folder gets its tables, and one that is current stays as it is. For any other database,
    `migrate`, the command line of `signoff migrate`, runs as a separate process.

    Raises:
        StackError: the database or the folder cannot be used.
    """
    if not await asyncio.to_thread(_is_current, settings):
        await _migrate(settings, migrate)


def _is_current(settings: Settings) -> bool:
    if settings.database_url:
        return False
    try:
        mark(settings.workspaces_dir)
        return new_sqlite.make_current(settings.own_database_file)
    except OSError:
        # The command says what is wrong.
        return False


async def _migrate(settings: Settings, command: Sequence[str]) -> None:
    log = start_log(settings.data_dir / "logs" / "migrate.log")
    child = Child("The migration", list(command), environment.for_app(variables(), settings), log)
    try:
        code = await child.run()
    finally:
        child.kill()
    if code:
        raise StackError(log.read_text(encoding="utf-8", errors="replace").strip().removeprefix("Error: "))


def prepare(settings: Settings) -> None:
    """Migrate the database, whichever it is, and prepare the folder. Safe to repeat.

    Raises:
        StackError: the database or the folder cannot be used.
    """
    # `up` does not need these in most cases.
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from app.database.failures import reason_of  # noqa: PLC0415
    from app.database.url import shown_url  # noqa: PLC0415
    from app.storage.migrate import migrate  # noqa: PLC0415

    url = settings.effective_database_url
    try:
        migrate(url)
        mark(settings.workspaces_dir)
    except (ValueError, OSError, SQLAlchemyError) as error:
        raise StackError(
            f"The database {shown_url(url)} or the folder {settings.workspaces_dir} cannot be used: {reason_of(error)}"
        ) from error
