"""The services that handlers use; `app.main` assembles them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.api.http.helper_process import HelperProcesses
from app.database.database import Database
from app.database.remembered_reads import RememberedReads
from app.database.shared_reads import SharedReads
from app.domain.actions import Actions
from app.domain.agents import Archetype
from app.domain.finding_counts import FindingCounts
from app.domain.validation import Agents
from app.sealing.sealer import Sealer
from app.settings import Settings
from app.temporal.client import Engine
from app.temporal.commands import Commands
from app.workspace.workspaces import Workspaces


@dataclass(frozen=True)
class Services:
    """The parts of the app that handlers need."""

    settings: Settings
    database: Database
    shared_reads: SharedReads
    remembered_reads: RememberedReads
    sealer: Sealer
    engine: Engine
    commands: Commands
    workspaces: Workspaces
    actions: Actions
    agents: Agents
    archetypes: Mapping[str, Archetype]
    previews: HelperProcesses
    finding_counts: FindingCounts
