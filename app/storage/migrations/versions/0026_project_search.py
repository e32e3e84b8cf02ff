"""has indexes for searching projects, and for those that need a workflow

Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

from app.domain.search_terms import searched_text, terms_of

revision = "0026"
down_revision = "0025"

CHUNK = 500
NEEDS_WORKFLOW = sa.text("(status = 'running' OR stage = 'planning' OR engaged)")


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "project_texts",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    if on_postgresql:
        op.execute("CREATE TABLE project_terms (position bigint PRIMARY KEY, terms text[] NOT NULL)")
    else:
        # The index keeps which terms a project has, but neither where they are nor the text.
        op.execute(
            "CREATE VIRTUAL TABLE project_terms USING "
            "fts5(terms, content='', columnsize=0, detail='none', tokenize='ascii')"
        )
    op.add_column("projects", sa.Column("text_position", sa.BigInteger(), nullable=True))
    _index_projects(on_postgresql=on_postgresql)
    if on_postgresql:
        op.execute("CREATE INDEX ix_project_terms ON project_terms USING gin (terms)")
    op.create_index("ix_projects_text", "projects", ["text_position", "status"])
    op.create_index(
        "ix_projects_live", "projects", ["id"], sqlite_where=NEEDS_WORKFLOW, postgresql_where=NEEDS_WORKFLOW
    )


def downgrade() -> None:
    op.drop_index("ix_projects_live", "projects")
    op.drop_index("ix_projects_text", "projects")
    op.drop_column("projects", "text_position")
    op.execute("DROP TABLE project_terms")
    op.drop_table("project_texts")


def _index_projects(*, on_postgresql: bool) -> None:
    conn = op.get_bind()
    column = "position" if on_postgresql else "rowid"
    projects = sa.table(
        "projects", sa.column("id"), sa.column("name"), sa.column("description"), sa.column("labels", sa.JSON)
    )
    query = sa.select(projects).order_by(projects.c.id).limit(CHUNK)
    last = ""
    while rows := conn.execute(query.where(projects.c.id > last)).all():
        for project_id, name, description, labels in rows:
            text = searched_text(name, description)
            position = conn.execute(
                sa.text("INSERT INTO project_texts (text) VALUES (:text) RETURNING position"), {"text": text}
            ).scalar_one()
            terms = sorted(terms_of(text, labels or []))
            conn.execute(
                sa.text(f"INSERT INTO project_terms ({column}, terms) VALUES (:position, :terms)"),  # noqa: S608
                {"position": position, "terms": terms if on_postgresql else " ".join(t.encode().hex() for t in terms)},
            )
            conn.execute(
                sa.text("UPDATE projects SET text_position = :position WHERE id = :of_project"),
                {"position": position, "of_project": project_id},
            )
        last = rows[-1][0]
