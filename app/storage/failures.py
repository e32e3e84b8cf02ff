"""What the failures of a database come to for callers."""

from __future__ import annotations

import logging

from app.domain.errors import Unavailable

logger = logging.getLogger(__name__)


def unavailable(error: BaseException) -> Unavailable:
    """The error for a transaction that the database did not carry out."""
    logger.warning("the database refused a transaction: %s", error)
    return Unavailable("The database is busy or cannot be reached; try again in a moment.", code="database_busy")
