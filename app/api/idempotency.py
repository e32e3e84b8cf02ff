"""Requests that may be repeated safely: the first answer is kept with its effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from app.api.services import Services


async def answer_once(
    request: Request[Any, Any, Any], services: Services, work: Callable[[Connection], BaseModel], *, status: int = 200
) -> Response[Any]:
    """Do `work` in one write transaction and answer what it returns.

    Raises:
        DomainError: whatever `work` raises; nothing was written.
    """
    del request
    return Response(await services.database.transact(work), status_code=status)
