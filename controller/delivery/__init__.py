"""Delivery: carrying a plan out, one change at a time or many, with gates, rollback and recovery.

The only package that changes an organisation, and never without an intent in the journal and a held lease. It neither
chooses the desired state nor commits the results: the caller does both.

In the order in which a change passes through: `delivery` opens a `sync`, which holds the lease (`lease_keeper`) while
the `scheduler` starts a `change_runner` for each change. Its step (`publish_step`, `switch_step`, `remove_step`) makes
the `publish_writes` through the `writer`, waits for `locks`, and has the publish `follow`ed; `live_state` proves the
result and `out_of_band` finds changes of others. Then `gates` judge, and `exporting` exports. After a failure the
`rollback_policy` chooses, `rollback` goes through the changes, `restore` brings one back, `rebind` its callers.
`recovery` resumes all this after a crash.
"""
