"""OAuth with client credentials: one token for all calls, fetched once for all waiting calls.

The token is fetched before it is needed, 60 s before it expires, and again when the organisation answers 401. The login
counts as a part of the organisation: while it does not answer, the organisation counts as unreachable.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import httpx
from pydantic import Field

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import AuthenticationFailed, RateLimited, RequestRejected
from controller.domain.redaction import SECRETS
from controller.domain.waiting import retry_after_s
from controller.genesys.bodies import parse
from controller.genesys.call import Answer, ApiCall
from controller.genesys.circuit import Circuit
from controller.genesys.errors import DEFAULT_RETRY_AFTER_S, error_of, read_error_body, rejected
from controller.genesys.sender import ApiSender
from controller.genesys.wire.model import WireModel

REFRESH_BEFORE_S = 60.0
_SHORTEST_USE_S = 1.0
"""Shortest use of a token in seconds, regardless of its reported lifetime, so that it is used at all."""
_MASKED_TOKENS = 3
_CALL = ApiCall("POST", "/oauth/token", repeatable=True)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client with its secret."""

    id: str
    secret: str = field(repr=False)
    scope: str | None = None
    """The scopes to ask for, separated by spaces; None asks for all that the client has."""


@dataclass(frozen=True, slots=True, eq=False)
class AccessToken:
    """A granted token. The same text may be granted twice, so tokens are compared by identity."""

    value: str = field(repr=False)
    good_until_s: float
    """Monotonic time, with the margin already subtracted."""


class _Granted(WireModel):
    access_token: str = Field(alias="access_token", min_length=1)
    expires_in: float = Field(alias="expires_in", gt=0)


class TokenSource:
    """The current token of one client. Safe for any number of concurrent calls."""

    def __init__(
        self, sender: ApiSender, login_url: str, client: OAuthClient, *, circuit: Circuit, clock: Clock
    ) -> None:
        self.circuit = circuit
        """Shared with the calls that use the tokens."""
        self._sender = sender
        self._url = f"{login_url.rstrip('/')}/oauth/token"
        self._client = client
        self._clock = clock
        SECRETS.register_client(client.id, client.secret)
        self._masked: deque[str] = deque()
        self._lock = asyncio.Lock()
        self._token: AccessToken | None = None
        self.fetches = 0
        """Number of fetches that have ended, successful or not."""
        self._failure: PenstockError | None = None

    def usable(self, refused: AccessToken | None = None) -> AccessToken | None:
        """The token to send now; None if it needs renewal or is the refused one."""
        token = self._token
        fresh = token is not None and self._clock.monotonic() < token.good_until_s
        return token if fresh and token is not refused else None

    async def renew(self, refused: AccessToken | None, *, since: int) -> None:
        """Fetch a token unless one is usable. All waiting calls share the fetch, or its failure.

        `since` is the value of `fetches` when the caller began to wait, for a token or for the request budget.
        Raises AuthenticationFailed, RateLimited, CircuitOpen, and the transport's errors.
        """
        if self.usable(refused) is not None:
            return
        async with self._lock:
            if self.usable(refused) is not None:
                return
            if self.fetches != since and self._failure is not None:
                raise self._failure
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            granted = await self._fetch()
        except PenstockError as error:
            self._failure = error
            self.fetches += 1
            raise
        self.fetches += 1
        self._failure = None
        self._remember(granted.access_token)
        # At most half of the lifetime: a token of a minute would otherwise be fetched again every second.
        use_s = max(granted.expires_in - min(REFRESH_BEFORE_S, granted.expires_in / 2), _SHORTEST_USE_S)
        self._token = AccessToken(granted.access_token, self._clock.monotonic() + use_s)

    def _remember(self, token: str) -> None:
        """Mask the token and the last ones before it, which may still be in use. Older ones have expired."""
        SECRETS.register(token)
        self._masked.append(token)
        if len(self._masked) > _MASKED_TOKENS:
            SECRETS.forget(self._masked.popleft())

    async def _fetch(self) -> _Granted:
        request = self._request()
        with self.circuit.exchange(proves=False) as exchange:
            answer = await self._sender.send(_CALL, request)
            exchange.status = answer.status
        if answer.status == 200:
            return parse(_CALL, answer, _Granted)
        raise self._refusal(answer)

    def _request(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | ({"scope": self._client.scope} if self._client.scope else {})
        pair = f"{self._client.id}:{self._client.secret}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self._sender.build("POST", self._url, headers=headers, content=urlencode(form, quote_via=quote).encode())

    def _refusal(self, answer: Answer) -> PenstockError:
        """The error for a refused request. The token endpoint reports "rate limit exceeded" with a 400."""
        body = read_error_body(answer)
        now = self._clock.now()
        if answer.status == 400 and "rate limit" in body.message.lower():
            wait_s = retry_after_s(answer.headers, now) or DEFAULT_RETRY_AFTER_S
            return RateLimited(
                f"{_CALL.name}: {body.text}; try again in {wait_s:.0f} s",
                retry_after_s=wait_s,
                hint="the token endpoint has a limit of its own: run fewer controllers with this client at once",
            )
        error = error_of(_CALL, answer, now)
        if isinstance(error, RequestRejected):
            hint = "check the client id and secret, that the client uses client credentials, and the region"
            return rejected(AuthenticationFailed, _CALL, body, hint)
        return error
