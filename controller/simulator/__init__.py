"""A Genesys Cloud organisation on loopback, for trying, testing and measuring. Shares no code with the client."""
