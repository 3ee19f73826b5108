"""Renders plans: text for people, JSON for programs, Markdown for pull requests, one HTML page.

All but JSON share one table model; each format escapes in one place. Prints and stores nothing.
"""
