"""The table of every call of a model, and of a tool that a model used."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table

from app.storage.columns import POSITION, metadata, project_id

# Where a conversation resumes after a crash, and what it cost.
model_steps = Table(
    "model_steps",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    project_id(),
    # `plan:<version>`, `task:<run>:<task>:<n>` or `decision:<question>`.
    Column("conversation", String(200), nullable=False),
    # The number of the model call. Tool calls also have the tool's name and the id of the call.
    Column("number", Integer, nullable=False),
    Column("call_id", String(200), nullable=False, default=""),
    Column("tool", String(64)),
    Column("task_id", String(64)),
    Column("model", String(200), nullable=False),
    # open, done, lost (no answer arrived, and the reservation counts as spent) or void (it cost nothing).
    Column("status", String(8), nullable=False),
    Column("reserved_tokens", Integer, nullable=False, default=0),
    Column("reserved_cost", Float),
    Column("input_tokens", Integer, nullable=False, default=0),
    Column("output_tokens", Integer, nullable=False, default=0),
    Column("cost_usd", Float),
    Column("result", JSON(none_as_null=True)),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Index("ix_model_steps_conversation", "project_id", "conversation", "number"),
    Index("ix_model_steps_task", "task_id"),
    sqlite_autoincrement=True,
)
