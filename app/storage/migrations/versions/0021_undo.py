"""keeps which approval completed those of a gate, and until when it can be withdrawn

Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("gates", sa.Column("completed_by", sa.String(64)))
    op.add_column("gates", sa.Column("undo_until", sa.String(32)))
    op.create_index("ix_gates_undo", "gates", ["status", "undo_until"])


def downgrade() -> None:
    op.drop_index("ix_gates_undo", "gates")
    op.drop_column("gates", "undo_until")
    op.drop_column("gates", "completed_by")
