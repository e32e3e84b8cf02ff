"""Planners, which turn a description into a validated plan draft."""
