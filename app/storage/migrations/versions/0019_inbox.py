"""finds what waits for a person from small indexes, and keeps notifications

Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

INDEXES = {
    "ix_projects_gate": ("projects", ("id",), "gate IS NOT NULL"),
    "ix_plans_ready": ("plans", ("project_id", "version"), "status = 'ready'"),
    "ix_questions_open": ("questions", ("project_id", "status"), "status = 'open'"),
}


def upgrade() -> None:
    for name, (table, columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("entry", sa.String(64), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16)),
        sa.Column("item_id", sa.String(64)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.JSON()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("due_at", sa.String(32)),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("handed_over_at", sa.String(32)),
        sa.Column("ended_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_notifications_project_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_notifications_project_id", "notifications", ["project_id"])
    where = sa.text("status = 'pending'")
    op.create_index(
        "ix_notifications_pending",
        "notifications",
        ["handed_over_at", "id"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_table("notifications")
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
