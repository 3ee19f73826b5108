"""Who may see and change what over HTTP: tokens, a proxy's header, a login; sessions, limits and the audit of writes.

`Access` is the one entrance: it tells who asks (`person`), refuses (`require`), and keeps a record of each write
(`writing`). It never decides what a write does, and it keeps no password and no token, only hashes of tokens.
"""
