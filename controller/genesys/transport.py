"""The one way to an organisation: budget, token, circuit, retries, latency and errors around every call."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

import structlog

from controller.domain.clock import Clock
from controller.domain.desired import Endpoint
from controller.domain.errors import BadAnswer, RateLimited
from controller.domain.last_word import ask_for_the_last_word
from controller.genesys.auth import Token, TokenSource
from controller.genesys.bodies import Model, parse, read_object
from controller.genesys.budget import Budget
from controller.genesys.call import Answer, Call
from controller.genesys.errors import error_of, presigned_error
from controller.genesys.retry import attempts
from controller.genesys.sender import Sender
from controller.genesys.settings import TransportSettings

log = structlog.get_logger()

T = TypeVar("T")

_UNAUTHORIZED = 401
SAME_TIME = timedelta(seconds=2)
"""Clocks that agree so far are taken for equal: an answer tells its time to the second, and is a while on its way."""


class Transport:
    """Sends calls to one organisation with one credential."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: Sender,
        tokens: TokenSource,
        budget: Budget,
        *,
        clock: Clock,
        settings: TransportSettings,
    ) -> None:
        self.api_url = endpoint.api_url.rstrip("/")
        self.clock = clock
        self.settings = settings
        self.dialect: str | None = None
        """Whose table of permissions names what a 403 leaves unsaid."""
        self.clock_ahead = timedelta()
        """How far the organisation's clock is ahead of ours, to the second, as its last answer tells."""
        self.latency = sender.latency
        self.budget = budget
        self.circuit = tokens.circuit
        self._sender = sender
        self._tokens = tokens

    async def fetch(self, call: Call, model: type[Model]) -> Model:
        """Send the call and read its answer as that model."""
        return await self._repeated(call, lambda answer: self.read(call, answer, model))

    def read(self, call: Call, answer: Answer, model: type[Model]) -> Model:
        """An answer that was sent for already, as that model."""
        return parse(call, answer, model)

    async def fetch_object(self, call: Call) -> dict[str, object]:
        """Send the call and read its answer as a JSON object with whatever fields."""
        return await self._repeated(call, lambda answer: read_object(call, answer))

    async def send(self, call: Call, *, wanted: Collection[int] = ()) -> Answer:
        """Send the call, and again where that is safe. Returns answers of 200 to 299 and those of a wanted status; all
        others are errors.
        """
        return await self._repeated(call, lambda answer: answer, wanted)

    async def put_presigned(self, url: str, headers: Mapping[str, str], content: bytes, *, call: Call) -> None:
        """Send a body to a presigned URL with exactly the given headers and without a token."""
        await self._presigned(call, url, dict(headers), content)

    async def get_presigned(self, url: str, *, call: Call) -> bytes:
        """Fetch a presigned URL without a token."""
        return (await self._presigned(call, url, {"Accept": "*/*"}, None)).content

    async def save_presigned(self, url: str, file: BinaryIO, *, call: Call) -> None:
        """Fetch a presigned URL without a token into a file, which is emptied before; memory stays small."""
        await self._presigned(call, url, {"Accept": "*/*"}, None, sink=file)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _repeated(self, call: Call, read: Callable[[Answer], T], wanted: Collection[int] = ()) -> T:
        """Send and read the answer; what cannot be read counts for an attempt, too."""
        async for attempt in attempts(call.name, self.clock, self.settings):
            with attempt:
                return read(await self._authorized(call, wanted))
        raise AssertionError("the attempts end with an answer or an error")

    async def _authorized(self, call: Call, wanted: Collection[int]) -> Answer:
        """One attempt; a 401 costs one new token and one repetition, because a refused call did nothing."""
        token, answer = await self._attempt(call)
        if answer.status == _UNAUTHORIZED:
            _, answer = await self._attempt(call, refused=token)
        return answer if answer.status in wanted else self._checked(call, answer)

    async def _attempt(self, call: Call, *, refused: Token | None = None) -> tuple[Token, Answer]:
        """Send the call with a token that is usable when its turn comes, however long it waited for that.

        Nobody holds a turn while a token is fetched: whoever needs none goes first.
        """
        began = self._tokens.fetches
        while True:
            self.circuit.check()
            await self._tokens.renew(refused, since=began)
            async with self.budget.slot(call.priority) as slot:
                self.circuit.check()
                token = self._tokens.usable(refused)
                if token is not None:
                    slot.spent = True
                    return token, await self._exchange(call, token)

    async def _exchange(self, call: Call, token: Token) -> Answer:
        content = None if call.body is None else json.dumps(call.body).encode()
        headers = {"Authorization": f"Bearer {token.value}"}
        if call.method not in ("GET", "DELETE"):
            headers["Content-Type"] = "application/json"
        ask_for_the_last_word()
        request = self._sender.build(
            call.method, self.api_url + call.target(), params=call.params(), headers=headers, content=content
        )
        answer = await self.circuit.exchange(lambda: self._sender.send(call, request))
        self.budget.learn(answer.headers)
        self._compare_clocks(answer)
        return answer

    def _compare_clocks(self, answer: Answer) -> None:
        if answer.sent_at is not None:
            ahead = answer.sent_at - self.clock.now()
            self.clock_ahead = ahead if abs(ahead) > SAME_TIME else timedelta()

    def _checked(self, call: Call, answer: Answer) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        error = error_of(call, answer, self.clock.now(), self.dialect)
        if isinstance(error, RateLimited):
            self.budget.pause(min(error.retry_after_s, self.settings.longest_wait_s))
            log.warning("call.limited", call=call.name, retry_after_s=error.retry_after_s)
        raise error

    async def _presigned(
        self, call: Call, url: str, headers: dict[str, str], content: bytes | None, *, sink: BinaryIO | None = None
    ) -> Answer:
        self._check_presigned(call, url)
        async for attempt in attempts(call.name, self.clock, self.settings):
            with attempt:
                ask_for_the_last_word()
                request = self._sender.build(call.method, url, headers=headers, content=content)
                if sink is not None:
                    sink.seek(0)
                    sink.truncate()
                answer = await self._sender.send(call, request, sink=sink)
                if 200 <= answer.status < 300:
                    return answer
                raise presigned_error(call, answer, self.clock.now())
        raise AssertionError("the attempts end with an answer or an error")

    def _check_presigned(self, call: Call, url: str) -> None:
        """A presigned URL is https, except where the operator chose plain http for this very host."""
        try:
            there, api = urlsplit(url), urlsplit(self.api_url)
            same = (there.scheme, there.hostname, there.port) == (api.scheme, api.hostname, api.port)
            loopback = there.scheme == "http" and _is_loopback(there.hostname) and _is_loopback(api.hostname)
            allowed = there.scheme == "https" or same or loopback
        except ValueError:
            allowed = False
        if not allowed or there.hostname is None or there.username is not None:
            raise BadAnswer(
                f"{call.name}: the organisation names a place that is not reached over https; nothing was sent there"
            )


def _is_loopback(host: str | None) -> bool:
    return host in ("localhost", "::1") or (host or "").startswith("127.")
