"""Graphs for people: a `tree` of text, the `languages` of Graphviz and Mermaid, and `svg`, with `label`s in common.

Prints and stores nothing; planning never imports it.
"""
