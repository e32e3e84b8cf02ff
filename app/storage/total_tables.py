"""The tables in which runs, model calls and slow steps are added up as they end.

Triggers on `runs`, `model_steps` and `projects` write the totals (`app/storage/migrations/versions/0030_weekly_totals.py`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, text

from app.storage.columns import POSITION, metadata, partial_index, project_id

IS_LOOSE = text("NOT merged")

# What happened in a week, by template and set of labels: the sum of all rows. Each run and each call adds a row, because a row
# that is changed in place would make all transactions wait for one another. A sweep merges these rows. If the labels or the
# template of a project change, its figures move. The figures of a deleted project stay.
weekly_totals = Table(
    "weekly_totals",
    metadata,
    Column("position", POSITION, primary_key=True),
    # The date of its Monday.
    Column("week", String(10), nullable=False),
    Column("template", Text),
    # The labels as JSON, as the project has them.
    Column("labels", Text, nullable=False),
    # Runs by how they ended, and how long the completed ones took.
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("completed_ms", BigInteger, nullable=False),
    # Calls to models; `unpriced` counts those whose price is unknown.
    Column("calls", Integer, nullable=False),
    Column("unpriced", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("merged", Boolean, nullable=False),
    Index("ix_weekly_totals_week", "week", "template"),
    partial_index("ix_weekly_totals_loose", "position", where=IS_LOOSE),
    sqlite_autoincrement=True,
)

# The steps that took longest, by the week in which their run ended: only as many for each set of labels as are ever shown.
slow_steps = Table(
    "slow_steps",
    metadata,
    Column("position", POSITION, primary_key=True),
    project_id(),
    Column("task_id", String(64), nullable=False),
    Column("week", String(10), nullable=False),
    Column("labels", Text, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Index("ix_slow_steps_week", "week", "labels", "duration_ms"),
    Index("ix_slow_steps_project", "project_id"),
    sqlite_autoincrement=True,
)
