"""The outline planner: Markdown in, plan draft out, without a model. docs/plans.md has the grammar."""

from app.planning.outline.planner import OutlinePlanner

__all__ = ["OutlinePlanner"]
