"""The outline planner's reader: Markdown in, plan draft out, without a model. docs/plans.md has the grammar."""

from app.planning.outline.reader import read_outline, read_single_phase, read_single_task

__all__ = ["read_outline", "read_single_phase", "read_single_task"]
