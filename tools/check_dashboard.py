"""Checks the page's sources: format, types (against the current OpenAPI document), rules, dead code and unit tests."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from app.main import create_app
from app.settings import Settings
from tools.build_dashboard import npm


def check() -> None:
    """Regenerate the API types, then run all checks.

    Raises:
        RuntimeError: a check failed. Its output says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(create_app(Settings(data_dir=Path(folder))).openapi_schema.to_schema()))
        npm("run", "types", "--silent", "--", str(document))
    npm("run", "lint", "--silent")
    npm("test", "--silent")


if __name__ == "__main__":
    check()
