"""Routes of the Platform API v2, as Genesys' SDKs use it, over the organisation's state."""
