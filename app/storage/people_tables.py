"""The tables of people and keys: who they are, how they prove it, and who is signed in."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from app.storage.columns import metadata

# Everybody who may be known: people, and keys of programs.
identities = Table(
    "identities",
    metadata,
    Column("id", String(64), primary_key=True),
    # person or key
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    # The name without differences of case, so that no two can be mistaken for each other.
    Column("name_key", String(200), nullable=False, unique=True),
    Column("email", Text),
    # [{"role": ..., "labels": [...]}]; no labels: all projects.
    Column("grants", JSON, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
    # A person who is disabled may be enabled again; a key that is revoked may not.
    Column("disabled_at", String(32)),
)

# What proves an identity: one row for each means.
credentials = Table(
    "credentials",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("identity_id", String(64), ForeignKey("identities.id", ondelete="CASCADE"), nullable=False),
    # password (argon2) or key (SHA-256 of 256 random bits)
    Column("kind", String(16), nullable=False),
    Column("hash", Text, nullable=False),
    # How a key begins: enough to find it, too little to use it.
    Column("prefix", String(32)),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32)),
    Column("last_used_at", String(32)),
    UniqueConstraint("identity_id", "kind"),
    Index("ix_credentials_prefix", "prefix"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    # The person; null for a session that stands for the server's key.
    Column("identity_id", String(64)),
    # The hash of what the session was opened with, a password or the server's key. When that changes, the session ends.
    Column("key_hash", String(64), nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
)

# Links that let one person sign one thing without signing in.
signing_links = Table(
    "signing_links",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    # The person, who may have no other way to sign in.
    Column("identity_id", String(64), ForeignKey("identities.id", ondelete="CASCADE"), nullable=False),
    # SHA-256 of 256 random bits
    Column("token_hash", String(64), nullable=False, unique=True),
    # Exactly what may be signed: a version of the plan, or a phase of it that waits at its gate.
    Column("plan_version", Integer, nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Column("phase_id", String(64)),
    Column("created_at", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_by_id", String(64)),
    Column("expires_at", String(32), nullable=False),
    Column("used_at", String(32)),
    Column("revoked_at", String(32)),
    # The `[[notify]]` entry through which the server sends it, and to which address. Then nobody else has seen its text.
    Column("entry", String(64)),
    Column("address", Text),
    # The author who asked for it.
    Column("requested_by", Text),
    Column("requested_by_id", String(64)),
    Index("ix_signing_links_project", "project_id"),
)

# The keys of people's own devices, with which they sign the plans that they approve.
passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("identity_id", String(64), ForeignKey("identities.id", ondelete="CASCADE"), nullable=False),
    # The device's name for the key, and the key as a COSE key, both in base64url.
    Column("credential_id", String(2048), nullable=False, unique=True),
    Column("public_key", Text, nullable=False),
    # The name of the server for which the key was made.
    Column("rp_id", String(255), nullable=False),
    # The device's own count of signatures: one that falls shows a copied key.
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("last_used_at", String(32)),
    Index("ix_passkeys_identity", "identity_id"),
)

# What a device has to sign: each is used once, and deleted some time after its end. Without a project, it is for a new passkey.
passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("nonce", String(64), primary_key=True),
    Column("identity_id", String(64), ForeignKey("identities.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", String(64)),
    Column("plan_version", Integer),
    Column("plan_digest", String(64)),
    Column("expires_at", String(32), nullable=False),
    # The gate of a phase, a task, a retry or a change, and when the challenge was used.
    Column("gate", JSON(none_as_null=True)),
    Column("used_at", String(32)),
    Index("ix_passkey_challenges_expires", "expires_at"),
)
