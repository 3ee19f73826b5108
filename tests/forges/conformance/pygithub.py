"""PyGithub before the tests' GitHub: a repository of acme's, some people, an App."""

from __future__ import annotations

import github

from tests.support.forges.github import GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.model import PullRequest

NAME = "acme/flows"
APP_PERMISSIONS = {
    "contents": "read",
    "checks": "write",
    "statuses": "write",
    "pull_requests": "write",
    "issues": "write",
}


def made_forge() -> GitHub:
    """Ada, Grace and Penstock may write, Carol may read; each has a token `token-of-LOGIN`."""
    made = GitHub(enterprise=True)
    repository = made.forge.repository(NAME)
    made.forge.grant(repository, "write", "ada", "grace", "penstock")
    made.forge.grant(repository, "read", "carol")
    for login in ("ada", "grace", "carol", "penstock"):
        made.tokens[f"token-of-{login}"] = Token(login)
    return made


def made_pull(forge: GitHub) -> PullRequest:
    """An open pull request of Ada's."""
    repository = forge.forge.find(NAME)
    assert repository is not None
    return forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting", body="Why")


def client(url: str, login: str = "penstock", **options: object) -> github.Github:
    settings = {"retry": None, "seconds_between_requests": None, "seconds_between_writes": None, "lazy": False}
    return github.Github(base_url=f"{url}/api/v3", auth=github.Auth.Token(f"token-of-{login}"), **settings | options)


def app_client(forge: GitHub, url: str, permissions: dict[str, str] = APP_PERMISSIONS) -> github.Github:
    repository = forge.forge.find(NAME)
    assert repository is not None
    app = forge.apps.register()
    installation = forge.apps.install(app, [repository], permissions)
    signed = github.Auth.AppAuth(app.id, app.private_key).get_installation_auth(installation.id)
    integration = github.GithubIntegration(auth=github.Auth.AppAuth(app.id, app.private_key), base_url=f"{url}/api/v3")
    assert integration.get_repo_installation("acme", "flows").id == installation.id
    return github.Github(auth=signed, base_url=f"{url}/api/v3", retry=None, lazy=False)
