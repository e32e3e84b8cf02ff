"""keeps what the app has signed of each project's record

Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_seals_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position", name="pk_seals"),
        sa.UniqueConstraint("project_id", "number", name="uq_seals_project_id_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_seals_project_seq", "seals", ["project_id", "seq"])
    op.add_column("events", sa.Column("seal", sa.Text()))
    op.add_column("tombstones", sa.Column("proof", sa.JSON()))
    op.add_column("tombstones", sa.Column("seal", sa.JSON()))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER signoff_news AFTER INSERT ON seals REFERENCING NEW TABLE AS fresh "
            "FOR EACH STATEMENT EXECUTE FUNCTION signoff_tell_news()"
        )


def downgrade() -> None:
    op.drop_column("tombstones", "seal")
    op.drop_column("tombstones", "proof")
    op.drop_column("events", "seal")
    op.drop_table("seals")
