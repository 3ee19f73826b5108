"""Sends calls to one forge with one account's token: limits, tries, and redirects that stay on the host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urljoin, urlsplit

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.forge import ForgeLimited, ForgeRejected, ForgeUnavailable
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.excerpt import excerpt
from controller.domain.waiting import Patience, http_date, retry_after_s
from controller.forges.call import ForgeAnswer, ForgeCall
from controller.forges.errors import error_of, words_of
from controller.forges.limits import ForgeLimits
from controller.forges.port import ForgeKind
from controller.forges.sender import ForgeSender
from controller.forges.tokens import ForgeTokens, authorization

log = structlog.get_logger()

_BETWEEN_WRITES_S = 1.0
"""GitHub asks for a second between writes, and for no writes at the same time."""
_HEADERS = {
    ForgeKind.GITHUB: {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
    ForgeKind.GITLAB: {"Accept": "application/json"},
    ForgeKind.GITEA: {"Accept": "application/json"},
}
_MOVED = "moved projects"
"""GitLab answers a write to a former path with 405 and `Non GET methods are not allowed for moved projects`."""
_LONGEST_S = 24 * 3600.0
_WORDS = ("rate limit", "abuse detection")
"""What GitHub says with a 403 of a limit."""


class RepositoryMoved(Exception):  # noqa: N818 - how a call ended; it never leaves the package
    """The repository has another name now. Nothing was written."""


class ForgeTransport:
    """One forge and one account."""

    def __init__(
        self,
        kind: ForgeKind,
        base_url: str,
        sender: ForgeSender,
        tokens: ForgeTokens,
        *,
        clock: Clock,
        limits: ForgeLimits,
    ) -> None:
        """`base_url` is the API's URL, without a slash at its end."""
        self.kind = kind
        self.base_url = base_url
        self.tokens = tokens
        self.limits = limits
        self._sender = sender
        self._clock = clock
        self._limit = ForgeRateLimit(clock, limits.secondary_wait_s)
        self._patience = Patience(limits.retry_base_s, longest_s=limits.retry_cap_s, attempts=limits.attempts)
        self._writing = asyncio.Lock()
        self._next_write_s = 0.0

    async def send(self, call: ForgeCall, repository: str = "") -> ForgeAnswer:
        """A successful answer, after as many tries as are safe. `repository` is its name, for errors.

        Raises the errors of the port, and RepositoryMoved for a redirect on the same host.
        """
        answer = await self._answered(call, self._url(call), repository)
        if answer.is_redirect:
            self._target(call, answer, self._url(call))
            raise RepositoryMoved
        return answer

    async def follow(self, call: ForgeCall, repository: str) -> ForgeAnswer:
        """A successful answer to a read, with redirects followed as long as they stay on the host."""
        url = self._url(call)
        for _ in range(self.limits.redirects + 1):
            answer = await self._answered(call, url, repository)
            if not answer.is_redirect:
                return answer
            url = self._target(call, answer, url)
        raise ForgeRejected(f"{call.name}: more than {self.limits.redirects} redirects in a row")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _answered(self, call: ForgeCall, url: str, repository: str) -> ForgeAnswer:
        failed = 0
        while True:
            try:
                return await self._tried(call, url, repository)
            except (ForgeLimited, ForgeUnavailable) as error:
                failed += 1
                wait_s = self._wait_s(error, failed)
                if wait_s is None:
                    raise
                log.info("forge.repeated", call=call.name, attempt=failed, error=error.code, wait_s=round(wait_s, 1))
                await self._clock.sleep(wait_s)

    def _wait_s(self, error: ForgeLimited | ForgeUnavailable, failed: int) -> float | None:
        """Seconds until the next try; None for no further one."""
        if failed >= self._patience.attempts:
            return None
        if isinstance(error, ForgeLimited):
            return error.retry_after_s if error.retry_after_s <= self.limits.longest_wait_s else None
        return None if error.uncertain else self._patience.jittered_s(failed)

    async def _tried(self, call: ForgeCall, url: str, repository: str) -> ForgeAnswer:
        token, answer = await self._turn(call, url)
        if answer.status == 401 and self.tokens.refuse(token):
            _, answer = await self._turn(call, url)
        wait_s = self._limit.learn(answer)
        if 200 <= answer.status < 300 or answer.is_redirect:
            return answer
        if answer.status == 405 and _MOVED in words_of(answer):
            raise RepositoryMoved
        raise error_of(call, answer, repository, wait_s)

    async def _turn(self, call: ForgeCall, url: str) -> tuple[str, ForgeAnswer]:
        """Send the call once, after the limit's wait; writes to GitHub go one after the other."""
        await self._await_limit(call)
        if call.method == "GET" or self.kind is not ForgeKind.GITHUB:
            return await self._exchange(call, url)
        async with self._writing:
            await self._clock.sleep(max(0.0, self._next_write_s - self._clock.monotonic()))
            try:
                return await self._exchange(call, url)
            finally:
                self._next_write_s = self._clock.monotonic() + _BETWEEN_WRITES_S

    async def _await_limit(self, call: ForgeCall) -> None:
        wait_s = self._limit.wait_s()
        if wait_s > self.limits.longest_wait_s:
            reason = f"the request limit is used up; try again in {wait_s:.0f} s"
            raise ForgeLimited(f"{call.name}: not sent: {reason}", retry_after_s=wait_s)
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    async def _exchange(self, call: ForgeCall, url: str) -> tuple[str, ForgeAnswer]:
        token = await self.tokens.token()
        headers = {**_HEADERS[self.kind], **authorization(self.kind, token)}
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(call.body).encode()
        return token, await self._sender.send(call, url, headers, content)

    def _url(self, call: ForgeCall) -> str:
        query = "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in call.params())
        return f"{call.base_url or self.base_url}{call.target()}" + (f"?{query}" if query else "")

    def _target(self, call: ForgeCall, answer: ForgeAnswer, url: str) -> str:
        """Where a redirect leads. Raises HostNotAllowed when that is another host: the token would go along."""
        location = answer.headers.get("location", "")
        try:
            target = urljoin(url, location)
            there, here = urlsplit(target), urlsplit(self.base_url)
            same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
            inside = same and there.username is None and there.path.startswith(f"{here.path}/")
        except ValueError:
            inside = False
        if not inside or not location:
            raise HostNotAllowed(
                f"{call.name}: answered {answer.status}, a redirect to {excerpt(location, limit=200) or 'nowhere'};"
                " it is not followed, because the token would go along",
                hint="correct PENSTOCK_FORGE_URL, or the proxy between",
            )
        return target


class ForgeRateLimit:
    """The limit of one token, as far as the answers told it.

    GitHub: `x-ratelimit-remaining` and `-reset` (seconds since 1970) for the hourly limit; `retry-after`, or only
    words, with 403 or 429 for the secondary limit. GitLab: `RateLimit-Remaining`, `RateLimit-Reset` and `Retry-After`
    with 429. Gitea has no limit of its own, and the proxies before it use `Retry-After`.
    """

    def __init__(self, clock: Clock, secondary_wait_s: float) -> None:
        self._clock = clock
        self._secondary_wait_s = secondary_wait_s
        self._until_s = 0.0
        self._in_a_row = 0

    def wait_s(self) -> float:
        """Seconds until the next request is allowed; 0 when it is now."""
        return max(0.0, self._until_s - self._clock.monotonic())

    def learn(self, answer: ForgeAnswer) -> float | None:
        """The wait that the answer asks for, in seconds; None when it was not refused for a limit."""
        limited = is_limited(answer)
        left_s = self._reset_s(answer.headers) if _remaining(answer.headers) == 0 else None
        if not limited:
            self._in_a_row = 0
            if left_s is not None:
                self._until_s = self._clock.monotonic() + left_s
            return None
        asked_s = retry_after_s(answer.headers, self._clock.now(), longest_s=_LONGEST_S)
        wait_s = asked_s if asked_s is not None else left_s
        if wait_s is None:
            # At most 32 times the first wait.
            wait_s = self._secondary_wait_s * 2.0 ** min(self._in_a_row, 5)
        self._in_a_row += 1
        self._until_s = self._clock.monotonic() + wait_s
        return wait_s

    def _reset_s(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until the limit begins anew, by the forge's own clock where it tells."""
        text = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
        # A longer number is no time, and Python refuses to convert very long ones.
        if not (text.isascii() and text.isdecimal() and len(text) <= 12):
            return None
        now: datetime = http_date(headers.get("date", "")) or self._clock.now()
        return min(_LONGEST_S, max(1.0, int(text) - now.timestamp()))


def is_limited(answer: ForgeAnswer) -> bool:
    """Whether the request was refused for a limit, and for no missing permission."""
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        return True
    if answer.status != 403:
        return False
    if "retry-after" in answer.headers or _remaining(answer.headers) == 0:
        return True
    return any(words in words_of(answer).lower() for words in _WORDS)


def _remaining(headers: Mapping[str, str]) -> int | None:
    text = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
