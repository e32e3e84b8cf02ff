"""Copies of one finished record, each with the parts of the app that audit and export it, but without HTTP and Temporal.

A test that alters a record needs one of its own, and each run takes a hundred times as long as a copy.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.api.controllers.archive import Archive
from app.api.controllers.auditing import audit
from app.api.http.services import Services
from app.main import services_of
from app.sealing.exported import verify
from app.sealing.keys import public_key_in
from app.settings import Settings
from app.temporal.client import Engine

R = TypeVar("R")


@dataclass(frozen=True)
class RecordCopy:
    """A copy of a project's record."""

    services: Services
    project_id: str

    async def altered(self, work: Callable[[Connection], R]) -> R:
        """Change the database, as an attacker would."""
        return await self.services.database.transact(work)

    async def audit(self) -> dict[str, Any]:
        """The audit, as the API answers with it."""
        return json.loads((await audit(self.services, self.project_id)).model_dump_json())

    async def exported_codes(self, folder: Path) -> set[str]:
        """The codes of the critical findings in an export."""
        archive = await Archive.of(self.services, self.project_id)
        path = folder / "project.zip"
        path.write_bytes(b"".join([piece async for piece in archive.pieces()]))
        key = public_key_in((self.services.settings.keys_dir / "seal.pub").read_text())
        return {finding.code for finding in verify(path, key).findings if finding.severity == "critical"}


@contextlib.asynccontextmanager
async def record_copy(original: Settings, project_id: str, folder: Path) -> AsyncGenerator[RecordCopy]:
    """Copy the data folder of a Signoff that has stopped. Workspaces are not copied: the record names them by their path."""
    data = shutil.copytree(original.data_dir, folder / "copy", ignore=shutil.ignore_patterns("workspaces"))
    settings = original.model_copy(update={"data_dir": data})
    services = services_of(settings, Engine(settings))
    await services.database.start()
    try:
        await services.sealer.start()
        yield RecordCopy(services, project_id)
    finally:
        await services.previews.close()
        await services.database.close()
