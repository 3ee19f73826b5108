"""Git: revisions as values, the recorded state, and the commits that record deliveries.

It never touches a person's uncommitted work and never force-pushes.
"""
