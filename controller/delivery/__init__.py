"""Delivery: carrying a plan out, one change at a time or many, with gates, rollback and recovery.

The only package that changes an organisation, and never without an intent in the journal and a held lease. It neither
chooses the desired state nor commits the results: the caller does both.

In the order in which a change passes through: `delivery` opens a `sync`, which holds the lease (`lease_keeper`) while
the `scheduler` starts a `change_runner` for each change, as many at once as `slots` allows. Content goes through
`validation` first. The step of a change (`publish_step`, `remove_step`) makes the `publish_writes` through the
`writer`, waits for `locks`, and has the publish `follow`ed; `live_watch` asks for all publishes in flight at once, at
the moments that `publish_times` expects. `live_state` proves the result, and `out_of_band` finds changes of others.
Then `gates` judge, and `exporting` exports when `export_turns` says so; the `outcome` is announced, and failed content
quarantined. After a failure the `rollback_policy` chooses, `rollback` goes through the changes, and
`way_back` brings one back, or binds its callers again. `recovery` resumes all this after a crash.
"""
