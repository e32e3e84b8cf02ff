"""finds what waits for a person, across all projects, from small indexes

Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"

INDEXES = {
    "ix_projects_gate": ("projects", ("id",), "gate IS NOT NULL"),
    "ix_plans_ready": ("plans", ("project_id", "version"), "status = 'ready'"),
    "ix_questions_open": ("questions", ("project_id", "status"), "status = 'open'"),
}


def upgrade() -> None:
    for name, (table, columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
