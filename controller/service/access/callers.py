"""Where requests come from, and how often each address may fail."""

from __future__ import annotations

from starlette.requests import Request

from controller.domain.clock import Clock
from controller.service.access.proxy import TrustedProxy
from controller.service.access.rates import Rate


class Callers:
    """The addresses of callers with their limits, each for one minute."""

    def __init__(self, proxy: TrustedProxy, clock: Clock) -> None:
        self._proxy = proxy
        self._tokens = Rate("wrong tokens", 10, clock)
        self._logins = Rate("logins that began or failed", 20, clock)
        self._writes = Rate("writes that were refused", 30, clock)

    def address(self, request: Request) -> str:
        """Where the request comes from, behind the operator's proxies."""
        return self._proxy.client_address(request)

    def require_tokens(self, request: Request) -> None:
        """Raise TooManyRequests where the address sent too many wrong tokens: no further one is looked at."""
        self._tokens.require(self.address(request))

    def count_token(self, request: Request) -> None:
        """Count a wrong token."""
        self._tokens.count(self.address(request))

    def require_logins(self, request: Request) -> None:
        """Raise TooManyRequests where the address began too many logins, or too many failed."""
        self._logins.require(self.address(request))

    def begin_login(self, request: Request) -> None:
        """Count a login that begins. Raises TooManyRequests."""
        self.require_logins(request)
        self.count_login(request)

    def count_login(self, request: Request) -> None:
        """Count a login that failed."""
        self._logins.count(self.address(request))

    def require_writes(self, request: Request) -> None:
        """Raise TooManyRequests where too many writes of the address were refused: the audit log is not filled."""
        self._writes.require(self.address(request))

    def count_write(self, request: Request) -> None:
        """Count a write that was refused."""
        self._writes.count(self.address(request))
