"""Answers questions of people that need several packages. Nothing here delivers.

Organisations: `preflight`, `status`, `refusals`; from the store alone `live_state`, `stored_plan`, `open_drift`,
`sync_log`. Plans: `plan_views` for Markdown and HTML, `pull_request_plan` with its `pull_request_comment`. What people
decide: `decisions`, and `steering` of a controller. Graphs: `dependency_graph` and `node_graph`, drawn by
`graph_picture`. Contents: `comparisons` of flows (each a `flow_comparison`), `importing`. The past: `history_reading`
collects `history_facts` and `live_origins`, and `history` makes periods of them. The audit log: `audit_log` in pages,
and `audit_proof`, which takes an `audit_walk` along each chain. Traces: `executions`, `action_trace`, `recording`
settings, and `trace_audit`, which notes who read which. `fan_out` does one thing for many flows.

Answers for programs are documents in modules named `*_document`; `document_schema` makes their JSON Schema.
"""
