"""The long-running controller. It decides nothing that one pass does not.

`feeds` yield desired states, `assignment` shares the organisations out over the replicas (`shares`), `controller`
starts a `worker` for each of its own under its `orders`, and the worker runs passes: for a new revision, at the
`next_look`, or when `flow_events` report an `out_of_band` change. Reports go to the `board`, to `trouble` (the log) and
to `metrics`, some of which are read at the `scrape`, and `http` shows them within the bounds of `connections`. Webhooks
arrive at `incoming`; `pull_requests` plans the open ones (`pull_request_plans`) and follows the `merged` ones by the
`pass_news` of all replicas. `api` answers programs and `pages` people; `access` lets both in. `live` writes to the
store what passes do while they run, and `live_views` what they found (`view_building`); `live_poll` asks it what
changed, and `asked` carries out what people asked for. `housekeeping` removes what is older than it is kept, and checks
the audit log.
"""
