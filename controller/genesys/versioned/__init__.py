"""The versioned dialect: per-version endpoints."""
