"""Answers questions of people that need several packages. Nothing here delivers.

Plans and organisations: `preflight`, `refusals`, `status`, `decisions`. Graphs: `dependency_graph`,
`node_graph`, drawn by `drawing`. Contents: `flow_content`, `comparisons` of two or many, `importing`. Traces:
`executions`, `action_trace`, `recording` settings, and `trace_audit`, which notes who read which. `fan_out` does one
thing for many flows.
"""
