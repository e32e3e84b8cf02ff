"""keeps the digest of the app's policies, so that a worker with others opens no gate

Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "policies_in_force",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("set_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policies_in_force"),
    )
    # The one row. The app fills it in when it starts.
    op.execute("INSERT INTO policies_in_force (id, digest, set_at) VALUES (1, '', '')")


def downgrade() -> None:
    op.drop_table("policies_in_force")
