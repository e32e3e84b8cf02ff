"""Turns database failures into errors for callers."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError

from app.domain.errors import Unavailable

logger = logging.getLogger(__name__)


def unavailable(error: BaseException) -> Unavailable:
    """Return the error for a transaction that the database did not complete."""
    logger.warning("the database refused a transaction: %s", error)
    return Unavailable("The database is busy or cannot be reached. Try again in a moment.", code="database_busy")


def reason_of(error: Exception) -> str:
    """Return why the database failed, in one line for people."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).partition("\n")[0] or type(cause).__name__
