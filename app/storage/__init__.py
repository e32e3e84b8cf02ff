"""SQLAlchemy tables and the statements on them. Each state change is written in the same transaction as its event."""
