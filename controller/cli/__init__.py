"""The commands and their exit codes; the only place that prints. Decides nothing."""
