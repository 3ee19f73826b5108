"""What a flow is: Archy YAML, node graphs, references, canonical digests, semantic diff. Does no I/O."""
