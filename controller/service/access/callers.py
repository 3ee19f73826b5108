"""Where requests come from, and how often each address may fail, in a moving window.

Time is injected, and the number of addresses is bounded. Each replica counts on its own. Libraries that were looked at:
docs/reference/dependencies.md.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from starlette.requests import Request

from controller.domain.clock import Clock
from controller.domain.errors.api import TooManyRequests
from controller.domain.wording import span
from controller.service.access.proxy import TrustedProxy

WINDOW_S: Final = 60.0
_MOST_ADDRESSES: Final = 10_000
_IPV6_PREFIX: Final = 64
"""Bits that one customer of a provider has to itself."""


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


class Rate:
    """At most so many events of one address in a minute."""

    def __init__(self, what: str, most: int, clock: Clock) -> None:
        """`what` names the events in the message."""
        self._what = what
        self._most = most
        self._clock = clock
        self._events: OrderedDict[str, deque[float]] = OrderedDict()

    def require(self, address: str) -> None:
        """Raise TooManyRequests, with the time to wait, where the address has used up its events."""
        events = self._recent(_network(address))
        if len(events) >= self._most:
            wait_s = events[0] + WINDOW_S - self._clock.monotonic()
            raise TooManyRequests(
                f"{address} sent {len(events)} {self._what} within {span(WINDOW_S)}",
                retry_after_s=max(1.0, wait_s),
                hint=f"wait {span(max(1.0, wait_s))}",
            )

    def count(self, address: str) -> None:
        """Count one event. Of too many addresses, the one that was counted longest ago is forgotten."""
        network = _network(address)
        self._events.setdefault(network, deque(maxlen=self._most)).append(self._clock.monotonic())
        self._events.move_to_end(network)
        while len(self._events) > _MOST_ADDRESSES:
            self._events.popitem(last=False)

    def _recent(self, network: str) -> deque[float]:
        events = self._events.get(network, deque())
        while events and events[0] <= self._clock.monotonic() - WINDOW_S:
            events.popleft()
        return events


def _network(address: str) -> str:
    """The addresses that count as one: an IPv4 address, or the network of an IPv6 address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)
