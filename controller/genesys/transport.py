"""The only way to an organisation: budget, token, circuit, retries, latency and errors for every call.

How often one request is sent, and how long the waits in between are:

1. A call is tried at most `retries + 1` times (4 by default): after a rate limit, a server fault, a connection that
   broke and, for reads, an unreadable response. The waits have full jitter; `Retry-After` goes before them.
2. A try that is answered 401 is sent a second time with a new token, because a refused call did nothing.
3. A write is never sent again after its response was lost: `AnswerLost` goes to the caller.

Above this level delivery repeats whole writes, only where the earlier ones certainly had no effect:
`delivery/writer.py` holds the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import timedelta
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import httpx
import structlog

from controller.domain.addresses import is_loopback
from controller.domain.clock import Clock
from controller.domain.desired import Endpoint
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import BadAnswer, RateLimited, ServerFault, Unreachable
from controller.domain.send_guard import check_before_sending
from controller.domain.waiting import Patience
from controller.genesys.auth import AccessToken, TokenSource
from controller.genesys.bodies import Model, parse, read_object
from controller.genesys.budget import RateBudget
from controller.genesys.call import Answer, ApiCall
from controller.genesys.errors import error_of, presigned_error
from controller.genesys.sender import ApiSender
from controller.genesys.settings import TransportSettings

log = structlog.get_logger()

T = TypeVar("T")

_UNAUTHORIZED = 401
SAME_TIME = timedelta(seconds=2)
"""Clocks this close count as equal: an answer gives its time to the second, and takes a while to arrive."""

LONG_WAIT_S = 10.0
"""A wait of this length or more is logged as a warning."""


class Transport:
    """Sends calls to one organisation with one credential."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: ApiSender,
        tokens: TokenSource,
        budget: RateBudget,
        *,
        clock: Clock,
        settings: TransportSettings,
    ) -> None:
        self.api_url = endpoint.api_url.rstrip("/")
        self.clock = clock
        self.settings = settings
        self.dialect: str | None = None
        """The dialect, for the table of permissions behind a 403 that names none."""
        self.clock_ahead = timedelta()
        """How far the organisation's clock is ahead of ours, in whole seconds, by its last answer."""
        self.latency = sender.latency
        self.budget = budget
        self.circuit = tokens.circuit
        self._sender = sender
        self._tokens = tokens

    # These return the coroutine of `_answered` itself, which saves a frame in every traceback.
    def fetch(self, call: ApiCall, model: type[Model]) -> Coroutine[Any, Any, Model]:
        """Send the call and parse its answer as that model."""
        return self._answered(call, lambda answer: parse(call, answer, model))

    def fetch_as(self, call: ApiCall, read: Callable[[Answer], T]) -> Coroutine[Any, Any, T]:
        """Send the call and read its answer with this function, whose errors count as those of the answer."""
        return self._answered(call, read)

    def fetch_object(self, call: ApiCall) -> Coroutine[Any, Any, dict[str, object]]:
        """Send the call and parse its answer as a JSON object with any fields."""
        return self._answered(call, lambda answer: read_object(call, answer))

    def send(self, call: ApiCall, *, wanted: Collection[int] = ()) -> Coroutine[Any, Any, Answer]:
        """Send the call, repeatedly if that is safe.

        Returns answers of 200 to 299 and those of a wanted status; all others are errors.
        """
        return self._answered(call, lambda answer: answer, wanted)

    def read(self, call: ApiCall, answer: Answer, model: type[Model]) -> Model:
        """Parse an answer of `send` as that model."""
        return parse(call, answer, model)

    async def put_presigned(self, url: str, headers: Mapping[str, str], content: bytes, *, call: ApiCall) -> None:
        """Send a body to a presigned URL with exactly the given headers and without a token."""
        await self._presigned(call, url, dict(headers), content)

    async def get_presigned(self, url: str, *, call: ApiCall) -> bytes:
        """Fetch a presigned URL without a token."""
        return (await self._presigned(call, url, {"Accept": "*/*"}, None)).content

    async def save_presigned(self, url: str, file: BinaryIO, *, call: ApiCall) -> None:
        """Fetch a presigned URL without a token into a file, which is emptied first, with little memory."""
        await self._presigned(call, url, {"Accept": "*/*"}, None, sink=file)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _answered(self, call: ApiCall, read: Callable[[Answer], T], wanted: Collection[int] = ()) -> T:
        """Send the call and read the answer. An unreadable answer counts as a failed try."""
        tries = Tries(call.name, self.clock, self.settings)
        while True:
            try:
                token, answer = await self._sent(call)
                if answer.status == _UNAUTHORIZED:
                    _, answer = await self._sent(call, refused=token)
                return read(answer if answer.status in wanted else self._checked(call, answer))
            except PenstockError as error:
                await tries.wait_after(error)

    async def _sent(self, call: ApiCall, *, refused: AccessToken | None = None) -> tuple[AccessToken, Answer]:
        """Send the call once, with a token that is still usable after any wait for a slot.

        No call holds a slot while a token is fetched: calls that need no new token go first.
        """
        # Read before any wait: a fetch that fails during it fails for this call, too.
        began = self._tokens.fetches
        while True:
            self.circuit.check()
            await self._tokens.renew(refused, since=began)
            async with self.budget.slot(call.priority) as slot:
                # The wait may have been long: the circuit may be open now, or the token expired.
                self.circuit.check()
                token = self._tokens.usable(refused)
                if token is None:
                    # The slot goes back while a token is fetched.
                    continue
                slot.spent = True
                # The last moment to find that the lease is lost.
                check_before_sending()
                request = self._request(call, token)
                with self.circuit.exchange() as exchange:
                    answer = await self._sender.send(call, request)
                    exchange.status = answer.status
                self.budget.learn(answer.headers)
                self._compare_clocks(answer)
                return token, answer

    def _request(self, call: ApiCall, token: AccessToken) -> httpx.Request:
        content = None if call.body is None else json.dumps(call.body).encode()
        headers = {"Authorization": f"Bearer {token.value}"}
        if call.method not in ("GET", "DELETE"):
            headers["Content-Type"] = "application/json"
        url = self.api_url + call.target()
        return self._sender.build(call.method, url, params=call.params(), headers=headers, content=content)

    def _compare_clocks(self, answer: Answer) -> None:
        if answer.sent_at is not None:
            ahead = answer.sent_at - self.clock.now()
            self.clock_ahead = ahead if abs(ahead) > SAME_TIME else timedelta()

    def _checked(self, call: ApiCall, answer: Answer) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        error = error_of(call, answer, self.clock.now(), self.dialect)
        if isinstance(error, RateLimited):
            self.budget.pause(min(error.retry_after_s, self.settings.longest_wait_s))
            log.warning("call.limited", call=call.name, retry_after_s=error.retry_after_s)
        raise error

    async def _presigned(
        self, call: ApiCall, url: str, headers: dict[str, str], content: bytes | None, *, sink: BinaryIO | None = None
    ) -> Answer:
        self._check_presigned(call, url)
        tries = Tries(call.name, self.clock, self.settings)
        while True:
            check_before_sending()
            request = self._sender.build(call.method, url, headers=headers, content=content)
            if sink is not None:
                # An earlier try may have written a part of the answer.
                sink.seek(0)
                sink.truncate()
            try:
                answer = await self._sender.send(call, request, sink=sink)
                if 200 <= answer.status < 300:
                    return answer
                raise presigned_error(call, answer, self.clock.now())
            except PenstockError as error:
                await tries.wait_after(error)

    def _check_presigned(self, call: ApiCall, url: str) -> None:
        """Check a presigned URL: https, or plain http on exactly the host that the operator configured so."""
        try:
            there, api = urlsplit(url), urlsplit(self.api_url)
            same = (there.scheme, there.hostname, there.port) == (api.scheme, api.hostname, api.port)
            loopback = there.scheme == "http" and is_loopback(there.hostname or "") and is_loopback(api.hostname or "")
            allowed = there.scheme == "https" or same or loopback
        except ValueError:
            allowed = False
        if not allowed or there.hostname is None or there.username is not None:
            raise BadAnswer(
                f"{call.name}: the organisation names a place that is not reached over https; nothing was sent there"
            )


class Tries:
    """The tries of one call."""

    def __init__(self, call: str, clock: Clock, settings: TransportSettings) -> None:
        self._call = call
        self._clock = clock
        self._longest_wait_s = settings.longest_wait_s
        self._patience = Patience(settings.retry_base_s, longest_s=settings.retry_cap_s, attempts=settings.retries + 1)
        self._failed = 0

    async def wait_after(self, error: PenstockError) -> None:
        """Wait until the next try. Raises the error where there is none."""
        self._failed += 1
        if self._failed >= self._patience.attempts or not self._is_worth_repeating(error):
            raise error
        wait_s = self._wait_s(error)
        say = log.warning if wait_s >= LONG_WAIT_S else log.info
        say("call.repeated", call=self._call, attempt=self._failed, error=error.code, wait_s=round(wait_s, 2))
        await self._clock.sleep(wait_s)

    def _is_worth_repeating(self, error: PenstockError) -> bool:
        if isinstance(error, RateLimited | ServerFault):
            return (error.retry_after_s or 0.0) <= self._longest_wait_s
        return isinstance(error, Unreachable) or (isinstance(error, BadAnswer) and error.again)

    def _wait_s(self, error: PenstockError) -> float:
        asked_s = None
        if isinstance(error, ServerFault) or (isinstance(error, RateLimited) and not error.backs_off):
            asked_s = error.retry_after_s
        return asked_s or self._patience.jittered_s(self._failed)
