"""Flow content: Archy YAML, node graphs, references, canonical digests, semantic diff. Does no I/O."""
