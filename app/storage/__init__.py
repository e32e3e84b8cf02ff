"""SQLAlchemy tables and the statements on them; each change of state shares a transaction with its event."""
