"""makes room for longer kinds of notifications

Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    _resize(16, 32)


def downgrade() -> None:
    op.execute("DELETE FROM notifications WHERE length(kind) > 16")
    _resize(32, 16)


def _resize(before: int, after: int) -> None:
    # SQLite ignores the length. It would have to copy the table to change it in the schema, which is what this does.
    with op.batch_alter_table("notifications") as batch:
        batch.alter_column("kind", existing_type=sa.String(before), type_=sa.String(after))
