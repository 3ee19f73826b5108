"""Makes one exchange with a forge: bounded in time and size, without redirects, with httpx's exceptions translated."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from controller import __version__
from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.forge import ForgeRejected, ForgeTooLarge
from controller.domain.errors.process import SettingsInvalid
from controller.domain.waiting import deadline
from controller.forges.call import ForgeAnswer, ForgeCall
from controller.forges.errors import fault_of, lost
from controller.forges.limits import ForgeLimits

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Nested or other encodings could unpack to any size."""


class ForgeSender:
    """Sends each request exactly once."""

    def __init__(
        self,
        clock: Clock,
        limits: ForgeLimits,
        *,
        ca_file: Path | None = None,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`ca_file` adds certificates of authorities to the usual ones. Raises SettingsInvalid for an unusable one."""
        self._clock = clock
        self._limits = limits
        self._http = httpx.AsyncClient(
            transport=http,
            verify=_trusted(ca_file),
            # The transport checks where a redirect leads before the token goes there.
            follow_redirects=False,
            headers={"Accept-Encoding": "gzip, deflate", "User-Agent": f"penstock/{__version__}"},
            timeout=httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=4),
        )

    async def send(self, call: ForgeCall, url: str, headers: dict[str, str], content: bytes | None) -> ForgeAnswer:
        """The whole answer of any status. Raises ForgeUnavailable, ForgeTooLarge or ForgeRejected (no URL)."""
        try:
            request = self._http.build_request(call.method, url, headers=headers, content=content)
        except (httpx.InvalidURL, ValueError) as error:
            raise ForgeRejected(f"{call.name}: a value cannot be part of a URL or header") from error
        host, deadline_s = request.url.netloc.decode(), self._limits.deadline_s
        try:
            async with deadline(self._clock, deadline_s):
                return await self._exchange(call, request)
        except TimeoutError:
            raise lost(call, f"{host} did not answer within {deadline_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            raise fault_of(call, error, host) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _exchange(self, call: ForgeCall, request: httpx.Request) -> ForgeAnswer:
        response = await self._http.send(request, stream=True)
        limit = self._limits.answer_limit_bytes
        try:
            if response.headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
                raise httpx.DecodingError("an encoding that was not asked for", request=request)
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > limit:
                    raise _too_large(call, limit)
        finally:
            await response.aclose()
            # Calls are independent: no answer may change the next request.
            self._http.cookies.clear()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return ForgeAnswer(response.status_code, headers, bytes(content))


def _too_large(call: ForgeCall, limit: int) -> PenstockError:
    reason = f"the answer has more than {limit:,} bytes"
    return ForgeTooLarge(f"{call.name}: {reason}") if call.repeatable else lost(call, reason)


def _trusted(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    context = httpx.create_ssl_context()
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsInvalid(
            f"the certificates of {ca_file} cannot be read: {type(error).__name__}",
            hint="give a file of certificates in PEM format",
        ) from error
    return context
