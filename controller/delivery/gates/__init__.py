"""Health gates: what must hold of a new version before the change counts as done. Never a command."""
