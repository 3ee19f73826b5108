"""The architect dialect: Genesys' Platform API v2."""
