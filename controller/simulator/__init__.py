"""A Genesys Cloud organisation on loopback, for tests, demonstrations and rehearsals.

`simulator` is the organisation with its environment; `serve` puts its `app` on a socket. A request is a `call`, after
`oauth` and `faults` (`mishaps` apply them); `architect` and `versioned` hold the routes of each dialect over one
`organization` of `flow`s, whose values are kept in `state`; `resources` has what flows need besides flows, and its
routes. Changes take time: `locking`, `uploads`, `publishing` and `staging`, `exporting`; what others see of them lags
(`lagging`, `tracking`), and `notifications` announce them. `traffic` yields `execution`s; each follows an
`execution_path`, and `rendering` writes its file. `control` and `conditions` are the routes by which a test looks in
and changes things.

It answers like the Platform API from its own state. It never imports the client, because both would then share
mistakes.
"""
