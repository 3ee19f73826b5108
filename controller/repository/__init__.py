"""Git: revisions as values, the recorded state, and the commits of artifacts.

`repository` is the door. `place` finds a repository on disk and `clone` makes the service's own; `command` runs git in
the `environment` that it may have. `commit_files`, `disk` and `work_tree_files` read the files of a revision. `remote`
and `branches` know where the branches are, `follow` notices new commits. `recorded` reads the `lockfile`, `artifacts`
describes one commit, `record` writes and pushes it, and `pending` keeps it while the remote does not take it.

Never touches a person's uncommitted work, never force-pushes.
"""
