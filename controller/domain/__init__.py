"""The vocabulary of all packages. Imports nothing of ours, performs no I/O, and decides nothing.

A flow has an `identity` and `versions`, and `references` to others and to `resources`. The three states are `desired`
(with its `files`), `live` and `recorded`; `status` says how far a change has come, `suspension` that none may begin. An
organisation is reached through `ports` (those of executions in `execution_ports`), whose values are in `platform`,
`events`, `traces` and `recording`; `capabilities` says what each dialect can do, and `organization_identity` which
organisation it is. `errors` is the tree of what can go wrong, and `foreign_errors` converts others to it.

For all packages alike: `clock`, `waiting` and `lease_times`; `redaction`, `excerpt` and `visible` make text safe to
show, `wording` and `export_estimate` word it; `documents` become JSON; `page_addresses` are those of the controller's
pages; `addresses` and `web_origin` judge where requests go and come from, and `send_guard` looks once more right before
one is sent.
"""
