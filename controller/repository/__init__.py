"""Git: revisions as values, the recorded state, and the commits that record deliveries.

`repository` is the whole for the rest of Penstock; its half that only reads is `revision_reader`. `discovery` or
`clone` finds the place, `command` runs git there, and `here` is one operation with its reader of `objects`. `branches`
looks at the `remote`, `commit_files` and `work_tree_files` are the files of a revision. `signatures` are
checked with the keys of `signers`. `lockfile` and `recorded` read the recorded state; `record` commits `artifacts`, and
what could not be pushed is `pending`. It never touches a person's uncommitted work and never force-pushes.
"""
