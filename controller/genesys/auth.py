"""OAuth with client credentials: one token for all calls, fetched once however many calls wait for it.

The token is fetched before it is needed, 60 s before it expires, and again when the organisation answers 401.
"""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote, urlencode

import httpx
from pydantic import Field

from controller.domain.clock import Clock
from controller.domain.errors import AuthenticationFailed, PenstockError, RateLimited, RequestRejected
from controller.domain.redaction import Redactor
from controller.genesys.bodies import parse
from controller.genesys.call import Answer, Call
from controller.genesys.errors import DEFAULT_RETRY_AFTER_S, error_of, read_error_body, retry_after_s
from controller.genesys.sender import Sender
from controller.genesys.wire.model import WireModel

REFRESH_BEFORE_S = 60.0
_CALL = Call("POST", "/oauth/token", repeatable=True)


class _Token(WireModel):
    access_token: str = Field(alias="access_token", min_length=1)
    expires_in: float = Field(alias="expires_in", gt=0)


class TokenSource:
    """The current token of one client. Safe for any number of concurrent calls."""

    def __init__(
        self,
        sender: Sender,
        login_url: str,
        client_id: str,
        client_secret: str,
        *,
        clock: Clock,
        redactor: Redactor,
        scope: str | None = None,
    ) -> None:
        self._sender = sender
        self._url = f"{login_url.rstrip('/')}/oauth/token"
        self._client_id = client_id
        self._secret = client_secret
        self._scope = scope
        self._clock = clock
        self._redactor = redactor
        redactor.register(client_secret)
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._good_until = 0.0
        self._round = 0
        self._failure: PenstockError | None = None

    async def token(self, *, stale: str | None = None) -> str:
        """A usable token. `stale` is one that the organisation has refused: it is replaced, once for all callers.

        Raises AuthenticationFailed, RateLimited, and the transport's errors.
        """
        if (token := self._usable(stale)) is not None:
            return token
        joined = self._round
        async with self._lock:
            if (token := self._usable(stale)) is not None:
                return token
            if self._round != joined and self._failure is not None:
                raise self._failure
            return await self._refresh()

    def _usable(self, stale: str | None) -> str | None:
        fresh = self._token is not None and self._clock.monotonic() < self._good_until
        return self._token if fresh and self._token != stale else None

    async def _refresh(self) -> str:
        try:
            token = await self._fetch()
        except PenstockError as error:
            self._failure = error
            self._round += 1
            raise
        self._round += 1
        self._failure = None
        self._token = token.access_token
        self._redactor.register(token.access_token)
        margin_s = min(REFRESH_BEFORE_S, token.expires_in / 2)
        self._good_until = self._clock.monotonic() + token.expires_in - margin_s
        return token.access_token

    async def _fetch(self) -> _Token:
        answer = await self._sender.send(_CALL, self._request())
        if answer.status == 200:
            return parse(_CALL, answer, _Token, self._redactor)
        raise self._refusal(answer)

    def _request(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        pair = f"{self._client_id}:{self._secret}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self._sender.build("POST", self._url, headers=headers, content=urlencode(form, quote_via=quote).encode())

    def _refusal(self, answer: Answer) -> PenstockError:
        """The token endpoint says "rate limit exceeded" with a 400."""
        body = read_error_body(answer, self._redactor)
        now = self._clock.now()
        if answer.status == 400 and "rate limit" in body.message.lower():
            wait_s = retry_after_s(answer.headers, now) or DEFAULT_RETRY_AFTER_S
            return RateLimited(
                f"{_CALL.name}: {body.text}; try again in {wait_s:.0f} s",
                retry_after_s=wait_s,
                hint="the token endpoint has a limit of its own: run fewer controllers with this client at once",
            )
        error = error_of(_CALL, answer, self._redactor, now)
        if isinstance(error, RequestRejected):
            return AuthenticationFailed(
                f"{_CALL.name}: {body.text}",
                status=answer.status,
                api_code=body.code,
                correlation_id=body.correlation_id,
                hint="check the client id and secret, that the client uses client credentials, and the region",
            )
        return error
