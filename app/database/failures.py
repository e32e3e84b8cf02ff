"""Turns database failures into errors for callers."""

from __future__ import annotations

import logging
import sqlite3

from sqlalchemy.exc import DBAPIError

from app.domain.errors import Unavailable

DISK_FULL = "The disk of the database is full. Make room on it."
_POSTGRES_FULL = "53100"
logger = logging.getLogger(__name__)


def unavailable(error: BaseException) -> Unavailable:
    """Return the error for a transaction that the database did not complete."""
    logger.warning("the database refused a transaction: %s", error)
    if _is_full(error):
        message = "The disk of the database is full. Nothing was recorded. Make room on it, then try again."
        return Unavailable(message, code="disk_full")
    return Unavailable("The database is busy or cannot be reached. Try again in a moment.", code="database_busy")


def _is_full(error: BaseException) -> bool:
    """Whether there was no room to write."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return getattr(cause, "sqlstate", None) == _POSTGRES_FULL


def reason_of(error: Exception) -> str:
    """Return why the database failed, in one line for people."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).partition("\n")[0] or type(cause).__name__
