"""GitHub, GitLab and Gitea as HTTP servers over one state, for the tests of what Penstock does in pull requests.

The shapes come from the forges' published API descriptions. `tests/forges` drives each of them with a client that
others wrote, so that product and fake cannot share a mistake. Nothing here imports Penstock.
"""
