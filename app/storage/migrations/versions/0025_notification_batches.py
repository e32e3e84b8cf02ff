"""notes which notifications are sent together

Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    op.add_column("notifications", sa.Column("batch_id", sa.String(64)))
    op.create_index(
        "ix_notifications_batch", "notifications", ["batch_id"], sqlite_where=PENDING, postgresql_where=PENDING
    )


def downgrade() -> None:
    op.drop_index("ix_notifications_batch", "notifications")
    op.drop_column("notifications", "batch_id")
