"""The planner `model`: a language model turns plain words into a plan. Its drafts pass the same checks as all others."""
