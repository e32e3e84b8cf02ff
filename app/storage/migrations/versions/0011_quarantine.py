"""notes which worker carried an attempt, and which tasks run in a process of their own

Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

IN_QUARANTINE = sa.text("quarantine IS NOT NULL")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("quarantine", sa.Text()))
    op.create_index(
        "ix_tasks_quarantine", "tasks", ["project_id"], sqlite_where=IN_QUARANTINE, postgresql_where=IN_QUARANTINE
    )
    with op.batch_alter_table("attempts") as attempts:
        attempts.add_column(sa.Column("worker", sa.String(200)))
        attempts.add_column(sa.Column("with_worker", sa.Boolean(), nullable=False, server_default=sa.false()))
        attempts.add_column(sa.Column("witnessed", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("attempts") as attempts:
        attempts.alter_column("with_worker", server_default=None)
        attempts.alter_column("witnessed", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("attempts") as attempts:
        for name in ("witnessed", "with_worker", "worker"):
            attempts.drop_column(name)
    op.drop_index("ix_tasks_quarantine", "tasks")
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("quarantine")
