"""Calls to an organisation: one transport, two dialects. The only package that speaks HTTP to Genesys Cloud.

`connect` makes a platform of the parts (`part`) of its dialect, `architect` or `versioned`. A part sends each `call`
through the `transport`: the `budget` of the client, its token (`auth`), the `circuit`, retries, and the `latency`
of each route; the `sender` makes one exchange. `bodies` reads answers into the models of `wire`, `paging` and
`narrowing` read lists to their end, and `errors` turns every failure into one of the domain. `preflight` checks the
`permissions` before a first sync. Never decides what to publish.
"""
