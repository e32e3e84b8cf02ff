"""adds up runs and model calls by week, template and labels, and keeps the slowest steps

Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

LOOSE = sa.text("NOT merged")
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = (
    "week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged"
)
IS_CALL = "model_steps.tool IS NULL AND model_steps.status IN ('done', 'lost', 'void') AND model_steps.ended_at > ''"
IS_ENDED = "runs.status IN ('completed', 'failed', 'cancelled') AND runs.completed_at > ''"
# When a trigger adds to the totals.
EVENTS = {
    "ended_run": ("runs", "AFTER UPDATE OF status", "OLD.status = 'running' AND NEW.status <> 'running'"),
    "model_call": ("model_steps", "AFTER UPDATE OF status", "OLD.status = 'open' AND NEW.status <> 'open'"),
    "moved_totals": ("projects", "AFTER UPDATE OF labels, template", ""),
}


def upgrade() -> None:
    op.add_column("projects", sa.Column("template", sa.Text(), nullable=True))
    op.create_table(
        "weekly_totals",
        sa.Column("position", POSITION, primary_key=True),
        sa.Column("week", sa.String(10), nullable=False),
        sa.Column("template", sa.Text()),
        sa.Column("labels", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("completed", "failed", "cancelled")),
        sa.Column("completed_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("calls", "unpriced")),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("merged", sa.Boolean(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_weekly_totals_week", "weekly_totals", ["week", "template"])
    op.create_index("ix_weekly_totals_loose", "weekly_totals", ["position"], sqlite_where=LOOSE, postgresql_where=LOOSE)
    op.create_table(
        "slow_steps",
        sa.Column("position", POSITION, primary_key=True),
        sa.Column("project_id", sa.String(64), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("task_id", sa.String(64), nullable=False),
        sa.Column("week", sa.String(10), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_slow_steps_week", "slow_steps", ["week", "labels", "duration_ms"])
    op.create_index("ix_slow_steps_project", "slow_steps", ["project_id"])
    _create_triggers()
    # After the triggers: they hold a lock, so that no other process ends a run or a call before they are added up.
    for query in (_runs(IS_ENDED, "true"), _calls(IS_CALL, "true")):
        op.execute(f"INSERT INTO weekly_totals ({COLUMNS}) {query}")


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, (table, *_) in EVENTS.items():
        op.execute(f"DROP TRIGGER total_{name}" + (f" ON {table}" if on_postgresql else ""))
        if on_postgresql:
            op.execute(f"DROP FUNCTION total_{name}()")
    op.drop_table("slow_steps")
    op.drop_table("weekly_totals")
    op.drop_column("projects", "template")


def _create_triggers() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    moved = {
        True: "OLD.labels::text <> NEW.labels::text OR OLD.template IS DISTINCT FROM NEW.template",
        False: "OLD.labels IS NOT NEW.labels OR OLD.template IS NOT NEW.template",
    }[on_postgresql]
    labels = "NEW.labels::text" if on_postgresql else "NEW.labels"
    of_project = "project_id = NEW.id"
    bodies = {
        "ended_run": [_insert(_runs("runs.id = NEW.id", "false"))],
        "model_call": [_insert(_calls(f"model_steps.position = NEW.position AND {IS_CALL}", "false"))],
        # What a project has used and done moves with it from one set of labels, or template, to another.
        "moved_totals": [
            *(
                _insert(make(f"{table}.{of_project} AND {condition}", "false", sign=sign, of=of))
                for sign, of in (("-", "OLD"), ("", "NEW"))
                for make, table, condition in ((_runs, "runs", IS_ENDED), (_calls, "model_steps", IS_CALL))
            ),
            f"UPDATE slow_steps SET labels = {labels} WHERE {of_project};",  # noqa: S608 - the values are above
        ],
    }
    for name, (table, event, condition) in EVENTS.items():
        body = " ".join(bodies[name])
        if on_postgresql:
            op.execute(
                f"CREATE FUNCTION total_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
            )
        action = f"EXECUTE FUNCTION total_{name}()" if on_postgresql else f"BEGIN {body} END"
        op.execute(f"CREATE TRIGGER total_{name} {event} ON {table} FOR EACH ROW WHEN ({condition or moved}) {action}")


def _insert(query: str) -> str:
    return f"INSERT INTO weekly_totals ({COLUMNS}) {query};"


def _runs(where: str, merged: str, *, sign: str = "", of: str = "projects") -> str:
    """A query for what runs add to the totals of a week. `of` is the row that has the template and the labels."""

    def count(status: str) -> str:
        return f"{sign}count(CASE WHEN runs.status = '{status}' THEN 1 END)"

    took = _milliseconds("runs.started_at", "runs.completed_at")
    sums = (
        *map(count, ("completed", "failed", "cancelled")),
        f"{sign}coalesce(sum(CASE WHEN runs.status = 'completed' THEN {took} END), 0)",
        "0, 0, 0, 0.0",
    )
    return _query("runs", "completed_at", where, ", ".join(sums), merged, of)


def _calls(where: str, merged: str, *, sign: str = "", of: str = "projects") -> str:
    """A query for what calls to models add to the totals of a week. A call that was lost counts as it was reserved."""
    is_lost, is_charged = "model_steps.status = 'lost'", "model_steps.status IN ('done', 'lost')"
    cost = f"CASE WHEN {is_lost} THEN model_steps.reserved_cost ELSE model_steps.cost_usd END"
    used = "model_steps.input_tokens + model_steps.output_tokens"
    sums = (
        "0, 0, 0, 0",
        f"{sign}count(CASE WHEN {is_charged} THEN 1 END)",
        f"{sign}count(CASE WHEN {is_charged} AND ({cost}) IS NULL THEN 1 END)",
        f"{sign}coalesce(sum(CASE WHEN {is_lost} THEN model_steps.reserved_tokens ELSE {used} END), 0)",
        f"{sign}coalesce(sum({cost}), 0.0)",
    )
    return _query("model_steps", "ended_at", where, ", ".join(sums), merged, of)


def _query(table: str, at: str, where: str, sums: str, merged: str, of: str) -> str:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    week, template = _week(f"{table}.{at}"), f"{of}.template"
    labels = f"{of}.labels::text" if on_postgresql else f"{of}.labels"
    joined = f" JOIN projects ON projects.id = {table}.project_id" if of == "projects" else ""
    # The columns of OLD and NEW are the same in every row.
    groups = f"1, {template}, {labels}" if of == "projects" else "1"
    columns = f"{week}, {template}, {labels}, {sums}, {merged}"
    return f"SELECT {columns} FROM {table}{joined} WHERE {where} GROUP BY {groups}"  # noqa: S608 - the values are above


def _week(at: str) -> str:
    """The Monday of the week of a time."""
    if op.get_bind().dialect.name == "postgresql":
        return f"to_char(date_trunc('week', substr({at}, 1, 10)::date), 'YYYY-MM-DD')"
    return f"date(substr({at}, 1, 10), '-6 days', 'weekday 1')"


def _milliseconds(start: str, end: str) -> str:
    if op.get_bind().dialect.name == "postgresql":
        return f"round(extract(epoch FROM ({end}::timestamptz - {start}::timestamptz)) * 1000)::bigint"
    return f"CAST(round((julianday({end}) - julianday({start})) * 86400000) AS INTEGER)"
