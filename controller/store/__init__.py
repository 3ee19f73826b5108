"""The store: leases, identities, journal, audit, quarantines, the outbox, cached facts, live state.

`store` is the whole; its parts, a table or two each, share the `database` that `engine` connects to and whose tables
are in `schema`; those of the live state are in `live_schema`. `leases` and `bindings` say who may write to which
organisation. A delivery keeps its `journal` (of `records`; `latest` is the last one of each flow), `quarantine`,
`drifts`, `facts` and the `outbox`, which also knows what people were told. People leave `approvals`, `suspensions` and
`actions`. `views` and `running` are the live state, `live_marks` what changed in it, and `replicas` says which
controller looks after what; `past` and `sync_list` read what was, and `history` removes what is too old. `audit` writes
the audit log: a chain (`audit_chain`) with daily files (`audit_file`) and `audit_rates`, which `audit_reading`,
`audit_lines` and `audit_findings` read and prove. `copying` takes all of it to another place.

Synchronous on purpose: an intent must be on disk before the call that it announces. Never holds a secret or a flow's
source, and no plan depends on what it holds of git and of the organisation: that is for readers.
"""
