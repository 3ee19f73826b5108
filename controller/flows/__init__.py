"""Flow content: Archy YAML, references, canonical digests, node graphs, differences. Does no I/O.

A text becomes a tree (`yaml_reader`, or the quick `plain_reader`, both over `yaml_events` and `scalars`), after the
`substitution` of its values; `loading` makes plain values of it. `flow_file` is the whole: identity (`roots`),
references to flows (`flow_references`) and to resources (`resource_references`), each read by `targets` and
`expressions` on a `walk`; `checks` finds mistakes, with a `suggestion`. `canonical` is the form that digests are made
of, `export_digest` that of exports. `nodes` and `source_nodes` are the graph inside a flow; `diff` compares the
`elements` and `settings` of two, as values of `diff_model`.
"""
