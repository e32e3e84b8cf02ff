"""What is wrong with an input."""

from __future__ import annotations

from pydantic import BaseModel


class Problem(BaseModel):
    """One problem with an input: the field, and what is wrong with it."""

    field: str
    message: str
