"""How transactions run on SQLite and on PostgreSQL. It knows no table."""
