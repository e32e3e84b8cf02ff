"""lets devices sign at every gate, and tells a challenge that was used from one that was not

Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("passkey_challenges", sa.Column("gate", sa.JSON()))
    op.add_column("passkey_challenges", sa.Column("used_at", sa.String(32)))


def downgrade() -> None:
    op.drop_column("passkey_challenges", "used_at")
    op.drop_column("passkey_challenges", "gate")
