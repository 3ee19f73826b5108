"""Who may what on Gitea and Forgejo: tokens, scopes, renamed repositories and the words of their refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.forges.model import Forge, PullRequest, Repository
from tests.support.forges.server import Answer, Call, RefusedError, Server

_ALL = ("write:repository", "write:issue", "read:user")


@dataclass(slots=True)
class GiteaToken:
    """An access token of a person with its scopes; writing includes reading."""

    login: str
    scopes: tuple[str, ...] = _ALL

    def may(self, scope: str) -> bool:
        """Whether it has the scope, itself or by the wider one."""
        return scope in self.scopes or scope.replace("read:", "write:") in self.scopes or "all" in self.scopes


class GiteaAccess(Server):
    """The part of Gitea that stands before each of its operations."""

    prefix = "/api/v1"
    page_size_name = "limit"
    page_size_most = 50

    def __init__(self, forge: Forge | None = None) -> None:
        super().__init__(forge)
        self.tokens: dict[str, GiteaToken] = {}

    def refused(self, status: int, message: str, call: Call, headers: Mapping[str, str] | None = None) -> RefusedError:
        """Gitea's error body."""
        return RefusedError(Answer(status, {"message": message, "url": f"{call.base}/api/swagger"}, headers or {}))

    def not_found(self, call: Call) -> RefusedError:
        """What is not there, or is hidden."""
        body = {"errors": None, "message": "The target couldn't be found.", "url": f"{call.base}/api/swagger"}
        return RefusedError(Answer(404, body))

    def admit(self, call: Call) -> None:
        """Know the token and its scope for this part of the API."""
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        if not value:
            raise self.refused(401, "token is required", call)
        token = self.tokens.get(value) if scheme.lower() in {"token", "bearer"} else None
        if token is None:
            raise self.refused(401, "invalid username, password or token", call)
        call.login = token.login
        parts = call.path.removeprefix(self.prefix).split("/")
        if parts[1] == "version":
            return
        part = "user" if parts[1] == "user" else "issue" if "issues" in parts[4:5] else "repository"
        scope = f"{'read' if call.method == 'GET' else 'write'}:{part}"
        if not token.may(scope):
            text = f"token does not have at least one of required scope(s), required=[{scope}]"
            raise self.refused(403, f"{text}, token scope={','.join(token.scopes)}", call)

    def listing(self, call: Call, items: list[Any]) -> Answer:
        """One page, with the total and its Link header."""
        page, numbers = self.page(call, items)
        return Answer(200, page, {"x-total-count": str(numbers["total"]), **self.link(call, numbers)})

    def repository(self, call: Call, level: str = "read") -> Repository:
        """The repository that a path names. Raises RefusedError."""
        name = f"{call.parts['owner']}/{call.parts['repo']}"
        found = self.forge.find(name)
        former = None if found else self.forge.find_former(name)
        if former is not None:
            rest = call.path.split("/", 6)[6:]
            target = "/".join([f"{self.prefix}/repos/{former.full_name}", *rest])
            query = "&".join(f"{key}={value}" for key, value in call.query.items())
            location = f"{target}?{query}" if query else target
            raise RefusedError(Answer(307, None, {"location": location}))
        if found is None or found.level(call.login) == "none":
            raise self.not_found(call)
        if not found.may(call.login, level):
            raise self.refused(403, f"user should have a permission to {level} to a repo", call)
        return found

    def pull(self, call: Call) -> PullRequest:
        """The pull request that a path names. Raises RefusedError."""
        found = self.repository(call).pulls.get(int(call.parts["number"]))
        if found is None:
            raise self.not_found(call)
        return found
