"""The settings that are tables in the file, with a model for each."""

from __future__ import annotations

from app.domain.agents import AgentEntry, Archetype, ModelEntry, Price
from app.domain.notifying import NotifyEntry
from app.domain.policies import Policies
from app.domain.secret_scopes import SecretEntry
from app.domain.sign_in import OidcEntry, ProxyEntry

# Settings that are tables in the file. They have their own models and no flag.
TABLES = {
    "agents": AgentEntry,
    "archetypes": Archetype,
    "models": ModelEntry,
    "prices": Price,
    "secrets": SecretEntry,
    "notify": NotifyEntry,
}
# Settings that are a single table in the file, without a flag.
SECTIONS = {"oidc": OidcEntry, "proxy": ProxyEntry, "signoff": Policies}
