"""finds the tasks that wait for a person without looking through all of a project's

Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

WAITS_FOR_PERSON = sa.text("status = 'waiting' AND reason = 'manual'")


def upgrade() -> None:
    op.create_index(
        "ix_tasks_manual",
        "tasks",
        ["project_id"],
        sqlite_where=WAITS_FOR_PERSON,
        postgresql_where=WAITS_FOR_PERSON,
    )


def downgrade() -> None:
    op.drop_index("ix_tasks_manual", "tasks")
