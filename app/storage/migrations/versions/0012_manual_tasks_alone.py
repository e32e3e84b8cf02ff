"""finds tasks that wait for a person from the index alone

SQLite took the index by position instead: to it, a row with more columns makes a narrow partial index look no better.

Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

WAITS_FOR_PERSON = sa.text("status = 'waiting' AND reason = 'manual'")


def upgrade() -> None:
    op.drop_index("ix_tasks_manual", "tasks")
    _create("project_id", "status", "reason")


def downgrade() -> None:
    op.drop_index("ix_tasks_manual", "tasks")
    _create("project_id")


def _create(*columns: str) -> None:
    op.create_index(
        "ix_tasks_manual", "tasks", columns, sqlite_where=WAITS_FOR_PERSON, postgresql_where=WAITS_FOR_PERSON
    )
