"""Workflow code: deterministic, without I/O."""
