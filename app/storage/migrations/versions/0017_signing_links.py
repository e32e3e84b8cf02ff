"""keeps links that let one person sign one thing

Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "signing_links",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("identity_id", sa.String(64), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("plan_digest", sa.String(64), nullable=False),
        sa.Column("phase_id", sa.String(64)),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.String(64)),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32)),
        sa.Column("revoked_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_signing_links"),
        sa.UniqueConstraint("token_hash", name="uq_signing_links_token_hash"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_signing_links_project_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_signing_links_identity_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_signing_links_project", "signing_links", ["project_id"])


def downgrade() -> None:
    op.drop_table("signing_links")
