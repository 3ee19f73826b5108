"""What a flow is: Archy YAML, references, canonical digests, semantic diff, node graphs. Does no I/O.

A flow file's placeholders get their values (`substitution`), its text becomes events (`yaml_events`) and a tree
(`yaml_reader`, `loading`), and the tree a `FlowFile` (`flow_file`) with its digest (`canonical`) and its references
(`walk`, `flow_references`, `resource_references`). `checks` finds the mistakes that Genesys would refuse. `elements`
and `settings` prepare a content for `diff`; `definition_diff` compares the versioned dialect's definitions. `nodes`
and `source_nodes` build the graph inside a flow.
"""
