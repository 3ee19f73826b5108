"""Renders a graph as text tree, DOT, Mermaid or SVG. Prints and stores nothing; planning never imports it."""
