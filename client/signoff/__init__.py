"""A Python client for Signoff, sync (`Signoff`) and async (`AsyncSignoff`), with typed results.

with Signoff() as client:
    project = client.projects.create(name="Report", description=outline)
    plan = client.projects.generate_plan(project.id)
    ...
"""

from signoff._async.client import AsyncSignoff
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
from signoff.models import Recorded, is_pending

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
