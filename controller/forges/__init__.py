"""GitHub, GitLab and Gitea behind one `port`: pull requests, comments, commit statuses, annotations and approvals.

`connect` opens a forge that the operator named, with its `tokens` (or those of a `github_app`). `github`, `gitlab` and
`gitea` are clients of one repository (`repository_forge`); their `calls` go through the `transport` and its `sender`
within `limits`, `wire` reads the answers, and `errors` turns failures into those of the domain. `comment` keeps one
comment up to date, `approvals` counts reviews, and `text` makes what is written there inert.

It reads no git, decides nothing about plans, and runs nothing of a pull request. Tokens go to the operator's host only:
no redirect leads to another host.
"""
