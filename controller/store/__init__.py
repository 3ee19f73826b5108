"""The store: leases, identities, the journal of changes in flight, audit, quarantines, the outbox, cached facts.

Synchronous on purpose: an intent must be on disk before the call that it announces. Never holds a secret, a flow's
source, or anything that git or the organisation can tell.
"""
