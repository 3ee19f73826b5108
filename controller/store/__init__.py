"""The store: leases, identities, journal, audit, quarantines, the outbox, cached facts, live state.

`store` is the whole; its parts, a table or two each, share the `database` that `engine` connects to and whose tables
are in `schema`; those of the live state are in `live_schema`. Synchronous on purpose: an intent must be on disk before
the call that it announces. Never holds a secret or a flow's source, and no plan depends on what it holds of git and of
the organisation: that is for readers.
"""
