"""Resolves references into a dependency graph and answers questions about it.

`resolve` finds the flows that a reference can mean. `consumption` is the graph that planning orders. `build` makes
the neutral graph of `model` from manifests, live flows or the inside of one flow, and compares two. `components` and
`questions` work on graphs, `compatibility` judges live versions, `pictures` draws. Pure: calls no organisation, reads
no file.
"""
