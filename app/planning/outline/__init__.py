"""The outline planner, which turns Markdown into a plan draft without a model. docs/plans.md describes the grammar."""

from app.planning.outline.planner import OutlinePlanner

__all__ = ["OutlinePlanner"]
