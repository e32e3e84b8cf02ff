"""keeps which links the server sends itself, and to whom

Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

SENT = ("entry", sa.String(64)), ("address", sa.Text()), ("requested_by", sa.Text()), ("requested_by_id", sa.String(64))


def upgrade() -> None:
    for name, kind in SENT:
        op.add_column("signing_links", sa.Column(name, kind))
    op.add_column("notifications", sa.Column("recipient", sa.String(200)))
    op.add_column("notifications", sa.Column("link_id", sa.String(64)))


def downgrade() -> None:
    op.drop_column("notifications", "link_id")
    op.drop_column("notifications", "recipient")
    for name, _ in reversed(SENT):
        op.drop_column("signing_links", name)
