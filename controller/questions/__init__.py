"""Answers questions of people that need several packages. Nothing here delivers.

Plans and organisations: `preflight`, `refusals`, `status`, `decisions`; `plan_views` for Markdown and HTML, and
`pull_request_plan` with its `pull_request_comment`. Graphs: `dependency_graph` and `node_graph`, drawn by
`graph_picture`. Contents: `comparisons` of flows (each a `flow_comparison`), `importing`. Traces: `executions`,
`action_trace`, `recording` settings, and `trace_audit`, which notes who read which. `fan_out` does one thing for many
flows.

Answers for programs are documents in modules named `*_document`; `document_schema` makes their JSON Schema.
"""
