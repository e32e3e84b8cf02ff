"""says in which browser session somebody sent something

Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

TABLES = ("commands", "decisions", "events")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("session_id", sa.String(64)))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as changed:
            changed.drop_column("session_id")
