"""keeps conditions of tasks and phases, when a phase runs, what must be released, and the outcome of a project

Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

BEFORE = sa.text("status = 'waiting' AND reason = 'manual'")
AFTER = sa.text("status = 'waiting' AND reason IN ('manual', 'release')")


def _index_people(where: sa.TextClause) -> None:
    op.create_index(
        "ix_tasks_manual", "tasks", ("project_id", "status", "reason"), sqlite_where=where, postgresql_where=where
    )


def upgrade() -> None:
    op.drop_index("ix_tasks_manual", "tasks")
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("condition", sa.JSON(none_as_null=True)))
        tasks.add_column(sa.Column("requires_approval", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("phases") as phases:
        phases.add_column(sa.Column("condition", sa.JSON(none_as_null=True)))
        phases.add_column(sa.Column("runs_on", sa.String(16), nullable=False, server_default="success"))
    with op.batch_alter_table("projects") as projects:
        projects.add_column(sa.Column("outcome", sa.String(64)))
    # The defaults were for the rows that are there.
    with op.batch_alter_table("tasks") as tasks:
        tasks.alter_column("requires_approval", server_default=None)
    with op.batch_alter_table("phases") as phases:
        phases.alter_column("runs_on", server_default=None)
    _index_people(AFTER)


def downgrade() -> None:
    op.drop_index("ix_tasks_manual", "tasks")
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("outcome")
    with op.batch_alter_table("phases") as phases:
        phases.drop_column("runs_on")
        phases.drop_column("condition")
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("requires_approval")
        tasks.drop_column("condition")
    _index_people(BEFORE)
