"""What the failures of a database come to for callers."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError

from app.domain.errors import Unavailable

logger = logging.getLogger(__name__)


def unavailable(error: BaseException) -> Unavailable:
    """The error for a transaction that the database did not carry out."""
    logger.warning("the database refused a transaction: %s", error)
    return Unavailable("The database is busy or cannot be reached; try again in a moment.", code="database_busy")


def reason_of(error: Exception) -> str:
    """Why the database did not do what it was asked for, in one line for people."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).partition("\n")[0] or type(cause).__name__
