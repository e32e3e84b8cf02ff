"""keeps the values that are given for the parameters of a plan

Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

TABLES = ("projects", "plans")


def upgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("parameters", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        # The default was for the rows that are there.
        with op.batch_alter_table(table) as changed:
            changed.alter_column("parameters", server_default=None)


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as changed:
            changed.drop_column("parameters")
