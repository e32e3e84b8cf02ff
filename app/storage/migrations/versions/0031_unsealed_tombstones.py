"""finds the deleted projects whose end is not sealed yet without reading those that are

Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

UNSEALED = sa.text("seal IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_tombstones_unsealed", "tombstones", ["position"], sqlite_where=UNSEALED, postgresql_where=UNSEALED
    )


def downgrade() -> None:
    op.drop_index("ix_tombstones_unsealed", "tombstones")
