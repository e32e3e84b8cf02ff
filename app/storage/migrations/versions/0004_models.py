"""what models were asked, and what a project may spend on them

Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# On SQLite only an INTEGER counts up by itself.
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("projects") as projects:
        projects.add_column(sa.Column("max_tokens", sa.BigInteger(), nullable=True))
        projects.add_column(sa.Column("max_cost_usd", sa.Float(), nullable=True))
    with op.batch_alter_table("questions") as questions:
        questions.add_column(sa.Column("reference", sa.String(length=200), nullable=True))
    with op.batch_alter_table("plans") as plans:
        plans.add_column(sa.Column("based_on", sa.Integer(), nullable=True))
    op.create_table(
        "model_steps",
        sa.Column("position", POSITION, autoincrement=True, nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("conversation", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("tool", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=64), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("reserved_tokens", sa.Integer(), nullable=False),
        sa.Column("reserved_cost", sa.Float(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_model_steps_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_model_steps")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_steps_conversation", "model_steps", ["project_id", "conversation", "number"])
    op.create_index("ix_model_steps_task", "model_steps", ["task_id"])


def downgrade() -> None:
    op.drop_table("model_steps")
    with op.batch_alter_table("plans") as plans:
        plans.drop_column("based_on")
    with op.batch_alter_table("questions") as questions:
        questions.drop_column("reference")
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("max_cost_usd")
        projects.drop_column("max_tokens")
