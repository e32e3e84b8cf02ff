"""The type of the OpenAPI document and its parts."""

from __future__ import annotations

from typing import Any

# OpenAPI defines the shape of each part, and this code reads and changes parts by their names.
Json = dict[str, Any]
