"""has an archive of projects, with counts and indexes of its own

Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

# When a trigger adds to the counts, and what it adds. `archived` says in which part of the list a project is.
EVENTS = {
    "new_project": ("AFTER INSERT", "", "(NEW.status, NEW.archived_at IS NOT NULL, 1)"),
    "moved_project": (
        "AFTER UPDATE OF status, archived_at",
        "WHEN (OLD.status <> NEW.status OR (OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL))",
        "(OLD.status, OLD.archived_at IS NOT NULL, -1), (NEW.status, NEW.archived_at IS NOT NULL, 1)",
    ),
    "gone_project": ("AFTER DELETE", "", "(OLD.status, OLD.archived_at IS NOT NULL, -1)"),
}
BEFORE = {
    "new_project": ("AFTER INSERT", "", "(NEW.status, 1)"),
    "moved_project": ("AFTER UPDATE OF status", "WHEN (OLD.status <> NEW.status)", "(OLD.status, -1), (NEW.status, 1)"),
    "gone_project": ("AFTER DELETE", "", "(OLD.status, -1)"),
}
NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]
ORDERS = {
    "created": ["created_at", "id"],
    "updated": ["updated_at", "id"],
    "name": ["name_key", "id"],
    "status_created": ["status", *NEWEST],
    "status_updated": ["status", "updated_at", "id"],
    "status_name": ["status", "name_key", "id"],
}
PARTS = {"": sa.text("archived_at IS NULL"), "_archived": sa.text("archived_at IS NOT NULL")}


def upgrade() -> None:
    _drop_triggers()
    op.add_column("projects", sa.Column("archived_at", sa.String(32), nullable=True))
    op.add_column(
        "project_counts", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    _create_triggers("(status, archived, number)", EVENTS)
    for name in ("created", "updated", "name", "status_updated", "status_name", "text"):
        op.drop_index(f"ix_projects_{name}", "projects")
    for suffix, where in PARTS.items():
        for name, columns in ORDERS.items():
            op.create_index(
                f"ix_projects_{name}{suffix}",
                "projects",
                [*columns, "archived_at"],
                sqlite_where=where,
                postgresql_where=where,
            )
    op.create_index("ix_projects_text", "projects", ["text_position", "status", "archived_at"])


def downgrade() -> None:
    _drop_triggers()
    op.drop_index("ix_projects_text", "projects")
    for suffix in PARTS:
        for name in ORDERS:
            op.drop_index(f"ix_projects_{name}{suffix}", "projects")
    for name, columns in ORDERS.items():
        if name != "status_created":
            op.create_index(f"ix_projects_{name}", "projects", columns)
    op.create_index("ix_projects_text", "projects", ["text_position", "status"])
    op.drop_column("project_counts", "archived")
    op.drop_column("projects", "archived_at")
    _create_triggers("(status, number)", BEFORE)


def _drop_triggers() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        # As a trigger would: no other process adds or moves a project while none counts.
        op.execute("LOCK TABLE projects IN SHARE ROW EXCLUSIVE MODE")
    for name in EVENTS:
        op.execute(f"DROP TRIGGER count_{name}" + (" ON projects" if on_postgresql else ""))
        if on_postgresql:
            op.execute(f"DROP FUNCTION count_{name}()")


def _create_triggers(columns: str, triggers: dict[str, tuple[str, str, str]]) -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, (event, condition, values) in triggers.items():
        statement = f"INSERT INTO project_counts {columns} VALUES {values};"  # noqa: S608 - the values are above
        if on_postgresql:
            op.execute(
                f"CREATE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {statement} RETURN NULL; END $$"
            )
            body = f"EXECUTE FUNCTION count_{name}()"
        else:
            body = f"BEGIN {statement} END"
        op.execute(f"CREATE TRIGGER count_{name} {event} ON projects FOR EACH ROW {condition} {body}")
