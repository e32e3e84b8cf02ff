"""The type of a request, whatever its user, its credentials and its state are."""

from __future__ import annotations

from typing import Any

from litestar import Request

AnyRequest = Request[Any, Any, Any]
