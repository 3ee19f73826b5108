"""Traces of single actions: the graph of nodes, the bottleneck, and the critical path."""
