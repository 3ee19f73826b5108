"""What a CI system says of the pull request that it runs for: GitHub, Gitea and Forgejo Actions, GitLab CI, Jenkins.

Sources: docs.github.com (variables of workflows), docs.gitlab.com (predefined CI/CD variables), the act runner of Gitea
and Forgejo, which sets GitHub's variables and `GITEA_ACTIONS`, and Jenkins' multibranch pipelines (`CHANGE_*`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from controller.forges.port import ForgeKind

_LARGEST_EVENT = 5 * 1024**2
_PULL_REF = re.compile(r"refs/pull/([1-9][0-9]{0,15})/(?:merge|head)")
_CHANGE_PATHS = {
    ForgeKind.GITHUB: re.compile(r"/(?P<repository>[^/]+/[^/]+)/pull/[0-9]+/?"),
    ForgeKind.GITLAB: re.compile(r"/(?P<repository>.+?)/-/merge_requests/[0-9]+/?"),
    ForgeKind.GITEA: re.compile(r"/(?:.*/)?(?P<repository>[^/]+/[^/]+)/pulls/[0-9]+/?"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestInCI:
    """A pull request as the variables tell it; None for what they do not tell."""

    kind: ForgeKind | None = None
    repository: str | None = None
    """`OWNER/NAME` of the repository that the pull request is for."""
    number: int | None = None
    api_url: str | None = None
    head_sha: str | None = None
    head_branch: str | None = None
    base: str | None = None
    """The branch that it is for, as a name that git knows in the checkout."""
    token: str | None = None
    """The token that the CI system itself gives."""


def pull_request_in_ci(variables: Mapping[str, str]) -> PullRequestInCI:
    """The pull request of the CI run with these variables; all None outside of one."""
    if variables.get("GITEA_ACTIONS") == "true" or variables.get("FORGEJO_ACTIONS") == "true":
        return _actions(variables, ForgeKind.GITEA)
    if variables.get("GITHUB_ACTIONS") == "true":
        return _actions(variables, ForgeKind.GITHUB)
    if variables.get("GITLAB_CI") == "true":
        return _gitlab(variables)
    if variables.get("JENKINS_URL"):
        return _jenkins(variables)
    return PullRequestInCI()


def _actions(variables: Mapping[str, str], kind: ForgeKind) -> PullRequestInCI:
    event = _event(variables.get("GITHUB_EVENT_PATH"))
    about = event.get("pull_request")
    pull_request = about if isinstance(about, Mapping) else {}
    head = pull_request.get("head")
    ref = _PULL_REF.fullmatch(variables.get("GITHUB_REF", ""))
    number = pull_request.get("number")
    own = ("GITEA_TOKEN", "FORGEJO_TOKEN") if kind is ForgeKind.GITEA else ("GH_TOKEN",)
    return PullRequestInCI(
        kind=kind,
        repository=variables.get("GITHUB_REPOSITORY") or None,
        number=number if isinstance(number, int) else int(ref[1]) if ref else None,
        api_url=variables.get("GITHUB_API_URL") or None,
        head_sha=_text(head, "sha"),
        head_branch=variables.get("GITHUB_HEAD_REF") or _text(head, "ref"),
        base=_of_origin(variables.get("GITHUB_BASE_REF")),
        token=_first(variables, "GITHUB_TOKEN", *own),
    )


def _gitlab(variables: Mapping[str, str]) -> PullRequestInCI:
    number = variables.get("CI_MERGE_REQUEST_IID", "")
    return PullRequestInCI(
        kind=ForgeKind.GITLAB,
        repository=_first(variables, "CI_MERGE_REQUEST_PROJECT_PATH", "CI_PROJECT_PATH"),
        number=int(number) if number.isdecimal() else None,
        api_url=variables.get("CI_API_V4_URL") or None,
        # The first is set in pipelines of merged results only, where the second is the merge's own commit.
        head_sha=_first(variables, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA") if number else None,
        head_branch=variables.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or None,
        base=_of_origin(variables.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")),
        token=variables.get("GITLAB_TOKEN") or None,
    )


def _jenkins(variables: Mapping[str, str]) -> PullRequestInCI:
    """The page's address tells forge and repository; Jenkins sets no address of an API and no token."""
    number = variables.get("CHANGE_ID", "")
    kind, repository, api_url = _of_page(variables.get("CHANGE_URL", ""))
    return PullRequestInCI(
        kind=kind,
        repository=repository,
        number=int(number) if number.isdecimal() else None,
        api_url=api_url,
        head_branch=variables.get("CHANGE_BRANCH") or None,
        base=_of_origin(variables.get("CHANGE_TARGET")),
    )


def _of_page(url: str) -> tuple[ForgeKind | None, str | None, str | None]:
    """Forge, repository and address of a pull request's page; all None for a page of another kind."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None, None, None
    for kind, pattern in _CHANGE_PATHS.items():
        found = pattern.fullmatch(parts.path)
        if found is not None:
            return kind, found["repository"], f"{parts.scheme}://{parts.netloc}"
    return None, None, None


def _event(path: str | None) -> Mapping[str, Any]:
    """The event that started the workflow; empty where it cannot be read."""
    if not path:
        return {}
    try:
        file = Path(path)
        if file.stat().st_size > _LARGEST_EVENT:
            return {}
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _text(about: object, name: str) -> str | None:
    found = about.get(name) if isinstance(about, Mapping) else None
    return found if isinstance(found, str) and found else None


def _of_origin(branch: str | None) -> str | None:
    """A checkout of CI has the base as a branch of the remote `origin`."""
    return f"origin/{branch}" if branch else None


def _first(variables: Mapping[str, str], *names: str) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)
