"""counts projects as they change, and has an index for each order of the list

Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from app.domain.folding import folded

revision = "0024"
down_revision = "0023"

EVENTS = {
    "new_project": ("AFTER INSERT", "", "(NEW.status, 1)"),
    "moved_project": ("AFTER UPDATE OF status", "WHEN (OLD.status <> NEW.status)", "(OLD.status, -1), (NEW.status, 1)"),
    "gone_project": ("AFTER DELETE", "", "(OLD.status, -1)"),
}


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "project_counts",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    for name, (event, condition, values) in EVENTS.items():
        statement = f"INSERT INTO project_counts (status, number) VALUES {values};"  # noqa: S608 - the values are above
        if on_postgresql:
            op.execute(
                f"CREATE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {statement} RETURN NULL; END $$"
            )
            body = f"EXECUTE FUNCTION count_{name}()"
        else:
            body = f"BEGIN {statement} END"
        op.execute(f"CREATE TRIGGER count_{name} {event} ON projects FOR EACH ROW {condition} {body}")
    # After the triggers: they hold a lock, so that no other process adds or moves a project before they count.
    op.execute("INSERT INTO project_counts (status, number) SELECT status, count(*) FROM projects GROUP BY status")
    op.add_column("projects", sa.Column("name_key", sa.Text(), nullable=False, server_default=sa.text("''")))
    _fold_names()
    op.drop_index("ix_projects_status", "projects")
    op.create_index("ix_projects_status", "projects", ["status", sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_index("ix_projects_status_updated", "projects", ["status", "updated_at", "id"])
    op.create_index("ix_projects_name", "projects", ["name_key", "id"])
    op.create_index("ix_projects_status_name", "projects", ["status", "name_key", "id"])


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name in ("ix_projects_status_name", "ix_projects_name", "ix_projects_status_updated", "ix_projects_status"):
        op.drop_index(name, "projects")
    op.create_index("ix_projects_status", "projects", ["status", "created_at"])
    for name in EVENTS:
        op.execute(f"DROP TRIGGER count_{name}" + (" ON projects" if on_postgresql else ""))
        if on_postgresql:
            op.execute(f"DROP FUNCTION count_{name}()")
    op.drop_table("project_counts")
    op.drop_column("projects", "name_key")


def _fold_names() -> None:
    conn = op.get_bind()
    names = conn.execute(sa.text("SELECT id, name FROM projects")).all()
    keys = [{"of_project": project_id, "name_key": folded(str(name))} for project_id, name in names]
    if keys:
        conn.execute(sa.text("UPDATE projects SET name_key = :name_key WHERE id = :of_project"), keys)
