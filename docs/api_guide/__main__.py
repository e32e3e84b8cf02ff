"""Writes docs/api.md: every endpoint with a real example, made by running it (`python -m docs.api_guide`, `make docs`).

Starts a Signoff on a temporary folder, calls each endpoint with curl, and writes down the requests and the answers. Ids are
numbered, times and paths of the machine are replaced, and long answers are shortened. Nothing else is changed.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from pathlib import Path

from app.settings import Settings
from app.supervisor.stack import running_stack
from docs.api_guide.examples import tell
from docs.api_guide.guide import Guide

TARGET = Path(__file__).parents[1] / "api.md"


def free_port() -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def main() -> None:
    """Run every example and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(
            data_dir=folder, port=free_port(), temporal_port=free_port(), temporal_ui_port=free_port(), database_url=""
        )
        async with running_stack(settings) as addresses:
            guide = Guide(addresses.url, str(settings.workspaces_dir))
            await asyncio.to_thread(tell, guide, folder)
            document = guide.get("/schema/openapi.json")
            operations = {
                operation["operationId"]
                for path in document["paths"].values()
                for operation in path.values()
                if isinstance(operation, dict)
            }
            missing = operations - guide.operations
            if missing:
                sys.exit(f"No example for: {', '.join(sorted(missing))}. Add one to docs/api_guide/examples.py.")
            TARGET.write_text(guide.text(), encoding="utf-8")
            print(f"{TARGET}: {len(guide.operations)} endpoints")


if __name__ == "__main__":
    asyncio.run(main())
