"""keeps people and keys, the labels of projects, and who sent what by id, means and address

Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

WITH_ORIGIN = ("commands", "decisions", "events")
IDS = {
    "projects": ("created_by_id",),
    "plans": ("created_by_id", "approved_by_id"),
    "files": ("uploaded_by_id",),
    "sessions": ("identity_id",),
}


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.String(200), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("grants", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("disabled_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("name_key", name="uq_identities_name_key"),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("identity_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("prefix", sa.String(32)),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32)),
        sa.Column("last_used_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_credentials_identity_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("identity_id", "kind", name="uq_credentials_identity_id_kind"),
    )
    op.create_index("ix_credentials_prefix", "credentials", ["prefix"])
    for table in WITH_ORIGIN:
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("actor_id", sa.String(64)))
            changed.add_column(sa.Column("via", sa.String(16)))
            changed.add_column(sa.Column("address", sa.String(64)))
    for table, names in IDS.items():
        with op.batch_alter_table(table) as changed:
            for name in names:
                changed.add_column(sa.Column(name, sa.String(64)))
    with op.batch_alter_table("projects") as changed:
        changed.add_column(sa.Column("labels", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    with op.batch_alter_table("tombstones") as changed:
        changed.add_column(sa.Column("labels", sa.JSON()))
    # The default was for the rows that are there.
    with op.batch_alter_table("projects") as changed:
        changed.alter_column("labels", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("tombstones") as changed:
        changed.drop_column("labels")
    with op.batch_alter_table("projects") as changed:
        changed.drop_column("labels")
    for table, names in IDS.items():
        with op.batch_alter_table(table) as changed:
            for name in names:
                changed.drop_column(name)
    for table in WITH_ORIGIN:
        with op.batch_alter_table(table) as changed:
            for name in ("actor_id", "via", "address"):
                changed.drop_column(name)
    op.drop_table("credentials")
    op.drop_table("identities")
