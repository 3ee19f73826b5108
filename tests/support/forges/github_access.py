"""Who may what on GitHub: tokens, permissions, limits, redirects and the words of its refusals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.forges.model import Forge, Repository
from tests.support.forges.server import Answer, Call, Handler, Limit, RefusedError, Server

DOCUMENTATION = "https://docs.github.com/rest"
_REPOSITORY = "/repos/{owner}/{repo}"
_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to "
    "GitHub Support for help, please include the request ID."
)


@dataclass(slots=True)
class Token:
    """A token; `kind` is classic, fine or installation. A classic one has every permission of its person."""

    login: str
    kind: str = "classic"
    permissions: Mapping[str, str] = field(default_factory=dict)
    app_id: int = 0
    expires_at: float | None = None
    repositories: frozenset[int] | None = None


class GitHubAccess(Server):
    """The part of GitHub that stands before each of its operations."""

    etags = True

    def __init__(self, forge: Forge | None = None) -> None:
        super().__init__(forge)
        self.wall: Callable[[], float] = time.time
        self.tokens: dict[str, Token] = {}

    def route(self, method: str, template: str, handler: Handler, *, prefix: str | None = None) -> None:
        """Serve a path; what is below a repository's name is also below its id."""
        super().route(method, template, handler, prefix=prefix)
        if template.startswith(_REPOSITORY):
            super().route(method, template.replace(_REPOSITORY, "/repositories/{repository:int}", 1), handler)

    def api(self, call: Call) -> str:
        """The base of every URL in an answer."""
        return call.base + self.prefix

    def refused(self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> RefusedError:
        """GitHub's error body."""
        body = {"message": message, **more, "documentation_url": DOCUMENTATION, "status": str(status)}
        return RefusedError(Answer(status, body, headers or {}))

    def invalid(self, *errors: Mapping[str, Any]) -> RefusedError:
        """What it says of a body that it cannot accept."""
        return self.refused(422, "Validation Failed", errors=list(errors))

    def not_found(self, call: Call) -> RefusedError:
        """What is not there, or is hidden."""
        return self.refused(404, "Not Found")

    def listing(self, call: Call, items: list[Any]) -> Answer:
        """One page, with its Link header."""
        page, numbers = self.page(call, items)
        return Answer(200, page, self.link(call, numbers))

    def secondary_limit(self, retry_after_s: int = 60, status: int = 403) -> Answer:
        """What GitHub answers when a client writes too fast."""
        return Answer(status, self.refused(status, _SECONDARY).answer.body, {"retry-after": str(retry_after_s)})

    def token(self, call: Call) -> Token:
        """The token that a request bears. Raises RefusedError."""
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in {"token", "bearer"}:
            raise self.refused(401, "Requires authentication")
        found = self.tokens.get(value.strip())
        if found is None or (found.expires_at is not None and found.expires_at <= self.wall()):
            raise self.refused(401, "Bad credentials")
        return found

    def admit(self, call: Call) -> None:
        """Refuse a request without User-Agent, and one past the limit; free is what asks for the limit itself."""
        if not call.headers.get("user-agent"):
            text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
            raise RefusedError(Answer(403, text))
        path = call.path.removeprefix(self.prefix)
        if not path.startswith("/app") and not path.endswith("/installation"):
            call.login = self.token(call).login
        if self.limit is None or path == "/rate_limit":
            return
        if self.limit.resets_at <= self.wall():
            self.limit = Limit(self.limit.limit, self.limit.limit, int(self.wall()) + 3600)
        if self.limit.remaining <= 0:
            raise self.refused(403, f"API rate limit exceeded for user ID {self.forge.person(call.login).id}.")
        self.limit.remaining -= 1

    def limit_numbers(self) -> dict[str, int]:
        """The primary limit as `/rate_limit` shows it."""
        limit = self.limit or Limit(5000, 5000, int(self.wall()) + 3600)
        used = limit.limit - limit.remaining
        return {"limit": limit.limit, "remaining": limit.remaining, "reset": limit.resets_at, "used": used}

    def headers(self, call: Call) -> dict[str, str]:
        """The limit and the version, as on every answer."""
        numbers = self.limit_numbers()
        shown = {f"x-ratelimit-{name}": str(value) for name, value in numbers.items()}
        version = call.headers.get("x-github-api-version", "2022-11-28")
        return {**shown, "x-ratelimit-resource": "core", "x-github-api-version-selected": version}

    def repository(self, call: Call, permissions: tuple[str, ...], *, write: bool = False) -> Repository:
        """The repository that a path names, where the token may do this in it. Raises RefusedError.

        Any one of the permissions is enough.
        """
        token = self.token(call)
        found = self._named(call)
        hidden = token.repositories is not None and found is not None and found.id not in token.repositories
        if found is None or hidden or (token.kind != "installation" and found.level(token.login) == "none"):
            raise self.not_found(call)
        level = "write" if write else "read"
        if token.kind == "classic":
            return found
        granted = {token.permissions.get(name) for name in permissions} - {None}
        if permissions == ("metadata",) or granted & ({"write"} if write else {"read", "write"}):
            return found
        whose = "integration" if token.kind == "installation" else "personal access token"
        accepted = "; ".join(f"{name}={level}" for name in permissions)
        raise self.refused(403, f"Resource not accessible by {whose}", {"x-accepted-github-permissions": accepted})

    def _named(self, call: Call) -> Repository | None:
        if "repository" in call.parts:
            return self.forge.repositories.get(int(call.parts["repository"]))
        name = f"{call.parts['owner']}/{call.parts['repo']}"
        found = self.forge.find(name)
        former = None if found else self.forge.find_former(name)
        if former is None:
            return found
        rest = call.path.removeprefix(self.prefix).split("/", 4)[4:]
        target = "/".join([f"{self.api(call)}/repositories/{former.id}", *rest])
        if call.query:
            target += "?" + "&".join(f"{key}={value}" for key, value in call.query.items())
        status, text = (301, "Moved Permanently") if call.method == "GET" else (307, "Temporary Redirect")
        body = {"message": text, "url": target, "documentation_url": DOCUMENTATION}
        raise RefusedError(Answer(status, body, {"location": target}))
