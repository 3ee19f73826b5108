"""Who consumes whom: references are resolved, become a graph, and the graph answers questions.

`resolve` finds the flow that a reference means. `consumption` is the graph that planning orders; `organization`,
`inside` and `resources` build the neutral graph of `model`, and `merge` compares two. `components`, `order` and
`questions` work on them, `pictures` draws them. Pure: calls no organisation, reads no file.
"""
