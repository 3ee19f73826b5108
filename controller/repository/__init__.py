"""Git: revisions as values, the recorded state, and the commits that bring artifacts back.

Never touches a person's uncommitted work, never force-pushes.
"""
