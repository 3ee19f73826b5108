"""Diagnoses executions. Pure: it reads traces that a caller has fetched, and makes no calls of its own.

`query` checks a request first. `architect_reader` (over `architect_events` and `architect_steps`) and
`versioned_reader` read a trace into the `model`, piece by piece (`json_stream`, `nested`), with one form of `variables`
and `statuses`. `analysis` makes one pass over it: `state` and `changes` of variables, `anomalies`, and `masking` of
secrets; `modules` tells which versions of modules ran. `timeline`, `report` (the `artifact`) and `page` render the
result, with `display` and `document`. `error_rate` judges many executions, `action` the trace of one action.
"""
