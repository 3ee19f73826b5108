"""Alembic's scripts: one file for each change of the schema, never edited after it was released."""
