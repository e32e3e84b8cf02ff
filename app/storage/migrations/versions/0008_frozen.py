"""keeps what an approval freezes, which signed files tasks change, and what a question is about

Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_COLUMNS = (("plans", "frozen"), ("plans", "signed_texts"), ("attempts", "left_behind"), ("questions", "details"))


def upgrade() -> None:
    for table, name in _COLUMNS:
        op.add_column(table, sa.Column(name, sa.JSON(none_as_null=True)))


def downgrade() -> None:
    for table, name in reversed(_COLUMNS):
        op.drop_column(table, name)
