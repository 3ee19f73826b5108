"""Delivery: carrying a plan out, one change at a time or many, with gates, rollback and recovery.

The only package that changes an organisation, and never without an intent in the journal and a held lease. It neither
chooses the desired state nor commits the results: the caller does both.

In the order in which a change passes through: `delivery` opens a `sync`, which holds the lease (`lease_keeper`) while
the `scheduler` starts a `change_runner` for each change, as many at once as `slots` allows. Content goes through
`validation` first. The step of a change (`publish_step`, `switch_step`, `remove_step`) makes the `publish_writes`
through the `writer`, waits for `locks`, and has the publish `follow`ed; `live_watch` asks for all publishes in flight
at once, at the moments that `publish_times` expects. `live_state` reads the result, `publish_proof` proves it after a
lost answer, and `out_of_band` finds changes of others. Then `gates` judge, and `exporting` exports healthy flows
together; the `outcome` is announced, and failed content quarantined. After a failure `rollback` brings back what was
live before. `recovery` resumes all this after a crash, from the `journal_entries`.
"""
