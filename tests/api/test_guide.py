"""The API guide, which `make docs` writes, has every endpoint."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import Stack

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


async def test_every_operation_has_an_example(signoff: Stack) -> None:
    document = (await signoff.http.get("/schema/openapi.json")).json()
    operations = {
        (method.upper(), re.sub(r"\{.*?\}", "{}", path))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    }
    headings = re.findall(r"^### `([A-Z]+) (\S+)`$", GUIDE.read_text(), re.MULTILINE)
    shown = {(method, re.sub(r"\{.*?\}", "{}", path)) for method, path in headings}
    assert operations - shown == set()
    assert shown - operations == set(), "examples of what there is not"
