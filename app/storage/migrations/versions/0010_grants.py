"""keeps what a task is granted, and limits of its own

Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("reads", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        tasks.add_column(sa.Column("writes", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        tasks.add_column(sa.Column("limits", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    # The defaults were for the rows that are there.
    with op.batch_alter_table("tasks") as tasks:
        for name in ("reads", "writes", "limits"):
            tasks.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("limits")
        tasks.drop_column("writes")
        tasks.drop_column("reads")
