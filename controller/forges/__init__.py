"""GitHub, GitLab and Gitea behind one port: pull requests, their comments, commit statuses, annotations and approvals.

`connect` opens a forge that the operator named. It reads no git, decides nothing about plans, and runs nothing of a
pull request. Tokens go to the operator's host only: no redirect leads to another host.
"""
