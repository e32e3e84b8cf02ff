"""keeps what policies demand of the signers of each document, and what each project demands itself

Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "gates",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("plan_digest", sa.String(64), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("closed_at", sa.String(32)),
        sa.PrimaryKeyConstraint("position", name="pk_gates"),
        sa.UniqueConstraint("id", name="uq_gates_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_gates_project_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_gates_project", "gates", ["project_id", "status"])
    op.create_index("ix_gates_expiry", "gates", ["status", "expires_at"])
    with op.batch_alter_table("projects") as projects:
        projects.add_column(sa.Column("signing", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("signing")
    op.drop_table("gates")
