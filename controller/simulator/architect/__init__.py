"""The Platform API v2 as Genesys' SDKs ship it: routes over the organisation's state, and nothing else."""
