"""Carrying a plan out: executor, gates, rollback, recovery. Never decides what is wanted."""
