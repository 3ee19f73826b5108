"""A Genesys Cloud organisation on loopback, for tests, demonstrations and rehearsals.

It answers like the Platform API from its own state. It never imports the client, because both would then share
mistakes.
"""
