"""Makes, guards and renders plans. Pure: values in, values out.

`plan` builds the graph from the three states and its other `inputs`, and `walk` decides each flow (`situation` in,
`decide`, `block`, a `draft` out). `orphans` plans removals, `drift` and `digests` describe the result (`model`).
`guard` refuses what windows, limits and approvals do not allow; `rendering` shows a plan. Never calls an organisation,
git, the store or the file system.
"""
