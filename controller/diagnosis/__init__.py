"""Finding out why an execution went wrong. Pure: reads traces that others fetched."""
