"""A Python client for Signoff, sync (`Signoff`) and async (`AsyncSignoff`), with typed results.

with Signoff() as client:
    project = client.projects.create(name="Report", description=outline)
    plan = client.projects.generate_plan(project.id)
    ...
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signoff._async.client import AsyncSignoff
    from signoff._pending import is_pending
    from signoff._sync.client import Signoff
    from signoff.errors import (
        BadRequest,
        Conflict,
        Forbidden,
        Invalid,
        NoAnswer,
        NotASignoff,
        NotFound,
        PreconditionFailed,
        RangeNotSatisfiable,
        ServerError,
        SignoffError,
        TooLarge,
        Unauthorized,
        Unavailable,
        WaitTimeout,
    )
    from signoff.json import to_json
    from signoff.schemas.answers import Recorded

__all__ = [
    "AsyncSignoff",
    "BadRequest",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NoAnswer",
    "NotASignoff",
    "NotFound",
    "PreconditionFailed",
    "RangeNotSatisfiable",
    "Recorded",
    "ServerError",
    "Signoff",
    "SignoffError",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "WaitTimeout",
    "is_pending",
    "to_json",
]

_MODULES = {
    "AsyncSignoff": "_async.client",
    "Recorded": "schemas.answers",
    "Signoff": "_sync.client",
    "is_pending": "_pending",
    "to_json": "json",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use: the server shares the vocabulary and has no use for an HTTP client."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"signoff.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
