"""The store: leases, identities, the journal of changes in flight, audit, quarantines, the outbox, cached facts.

`store` is the whole; its parts, a table or two each, share the `database` that `engine` connects to and whose tables
are in `schema`. Synchronous on purpose: an intent must be on disk before the call that it announces. Never holds a
secret, a flow's source, or anything that git or the organisation can tell.
"""
