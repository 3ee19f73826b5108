"""Who may what on GitLab: tokens, scopes, limits, moved projects and the words of its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.forges.model import Forge, PullRequest, Repository
from tests.support.forges.server import Answer, Call, Limit, RefusedError, Server


@dataclass(slots=True)
class GitLabToken:
    """A token of a person; `job` is a CI job's, which may do little."""

    login: str
    scopes: tuple[str, ...] = ("api",)
    job: bool = False


class GitLabAccess(Server):
    """The part of GitLab that stands before each of its operations."""

    prefix = "/api/v4"
    page_size = 20
    etags = True

    def __init__(self, forge: Forge | None = None) -> None:
        super().__init__(forge)
        self.tokens: dict[str, GitLabToken] = {}

    def refused(self, status: int, message: Any) -> RefusedError:
        """GitLab's error body."""
        return RefusedError(Answer(status, {"message": message}))

    def not_found(self, call: Call) -> RefusedError:
        """A path that GitLab has not."""
        return RefusedError(Answer(404, {"error": "404 Not Found"}))

    def admit(self, call: Call) -> None:
        """Know the token, its scope, and the limit."""
        bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
        value = call.headers.get("private-token") or call.headers.get("job-token") or bearer
        token = self.tokens.get(value)
        if token is None or token.job != ("job-token" in call.headers):
            raise self.refused(401, "401 Unauthorized")
        call.login = token.login
        if token.job and call.method != "GET":
            raise self.refused(401, "401 Unauthorized")
        if "api" not in token.scopes and (call.method != "GET" or "read_api" not in token.scopes):
            words = "The request requires higher privileges than provided by the access token."
            scope = "api" if call.method != "GET" else "api read_api"
            body = {"error": "insufficient_scope", "error_description": words, "scope": scope}
            raise RefusedError(Answer(403, body))
        if self.limit is not None:
            if self.limit.remaining <= 0:
                raise RefusedError(self.throttled(self.limit))
            self.limit.remaining -= 1

    def throttled(self, limit: Limit, retry_after_s: int = 60) -> Answer:
        """What GitLab answers past its limit: plain text, and when to come again."""
        headers = {**self._limit_headers(limit), "retry-after": str(retry_after_s)}
        return Answer(429, "Retry later\n", headers)

    def _limit_headers(self, limit: Limit) -> dict[str, str]:
        used = limit.limit - limit.remaining
        return {
            "ratelimit-limit": str(limit.limit),
            "ratelimit-name": "throttle_authenticated_api",
            "ratelimit-observed": str(used),
            "ratelimit-remaining": str(limit.remaining),
            "ratelimit-reset": str(limit.resets_at),
        }

    def headers(self, call: Call) -> dict[str, str]:
        """The limit, as on every answer."""
        return self._limit_headers(self.limit) if self.limit else {}

    def listing(self, call: Call, items: list[Any]) -> Answer:
        """One page, with GitLab's own headers and Link."""
        page, numbers = self.page(call, items)
        now, last = numbers["page"], numbers["last"]
        headers = {
            "x-page": str(now),
            "x-per-page": str(numbers["size"]),
            "x-next-page": str(now + 1) if now < last else "",
            "x-prev-page": str(now - 1) if now > 1 else "",
            "x-total": str(numbers["total"]),
            "x-total-pages": str(last),
        }
        return Answer(200, page, {**headers, **self.link(call, numbers)})

    def project(self, call: Call, level: str = "read") -> Repository:
        """The project that a path names by id or by its escaped path. Raises RefusedError."""
        name = call.parts["project"]
        by_id = self.forge.repositories.get(int(name)) if name.isdecimal() else None
        found = by_id or self.forge.find(name)
        former = None if found else self.forge.find_former(name)
        place = found or former
        if place is None or place.level(call.login) == "none":
            raise self.refused(404, "404 Project Not Found")
        if former is not None:
            if call.method != "GET":
                raise self.refused(405, "Non GET methods are not allowed for moved projects")
            rest = call.path.removeprefix(self.prefix).split("/", 3)[3:]
            target = "/".join([f"{call.base}{self.prefix}/projects/{former.id}", *rest])
            query = "&".join(f"{key}={value}" for key, value in call.query.items())
            location = f"{target}?{query}" if query else target
            raise RefusedError(Answer(302, f"This resource has been moved to {location}.", {"location": location}))
        if not place.may(call.login, level):
            raise self.refused(403, "403 Forbidden")
        return place

    def merge_request(self, call: Call, level: str = "read") -> PullRequest:
        """The merge request that a path names. Raises RefusedError."""
        found = self.project(call, level).pulls.get(int(call.parts["number"]))
        if found is None:
            raise self.refused(404, "404 Not found")
        return found
