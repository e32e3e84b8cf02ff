"""on PostgreSQL, word of what changed

Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

# Tables whose new rows are news of a project.
NEWS = ("events", "decisions", "tombstones")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # In the transaction of the change itself, whoever makes it: heard exactly when it can be read.
    op.execute(
        """
        CREATE FUNCTION signoff_tell_news() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('signoff_news', project_id) FROM (SELECT DISTINCT project_id FROM fresh) AS told;
            RETURN NULL;
        END
        $$
        """
    )
    for table in NEWS:
        op.execute(
            f"CREATE TRIGGER signoff_news AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh "
            "FOR EACH STATEMENT EXECUTE FUNCTION signoff_tell_news()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in NEWS:
        op.execute(f"DROP TRIGGER signoff_news ON {table}")
    op.execute("DROP FUNCTION signoff_tell_news()")
