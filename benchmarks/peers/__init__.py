"""Signoff beside other systems that run tasks durably."""
