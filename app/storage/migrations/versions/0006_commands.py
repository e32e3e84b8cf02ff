"""keeps what people ask for, so that signals carry only the id of a command

Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("plan_version", sa.Integer()),
        sa.Column("plan_digest", sa.String(64)),
        sa.Column("run_id", sa.String(64)),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("seal", sa.Text()),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_commands_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_commands"),
        sa.UniqueConstraint("project_id", "request_id", name="uq_commands_project_id_request_id"),
    )


def downgrade() -> None:
    op.drop_table("commands")
