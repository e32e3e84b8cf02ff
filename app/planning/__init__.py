"""Planners: from a description to a validated plan draft."""
