"""A proxy that has logged people in, and tells who they are in headers; and addresses behind a proxy.

Only connections from the operator's list of addresses are believed. The headers of all others are removed before
anything reads them, so that no client can name itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from controller.domain.errors.api import Unauthenticated
from controller.service.access.person import How, Membership, Person

Network = IPv4Network | IPv6Network
LONGEST_NAME: Final = 255
_FORWARDED_FOR = "x-forwarded-for"
_OF_PROXIES = (_FORWARDED_FOR, "forwarded", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_UNKNOWN = "unknown"


class TrustedProxy:
    """The proxies of the operator: which they are, and what is believed of them."""

    def __init__(
        self,
        addresses: Sequence[Network],
        user_header: str | None,
        groups_header: str | None,
        membership: Membership,
    ) -> None:
        """Without `groups_header`, the entries of `membership` are the names of people."""
        self._addresses = tuple(addresses)
        self._user_header = user_header
        self._groups_header = groups_header
        self._membership = membership
        names = {name.lower() for name in (user_header, groups_header) if name is not None}
        self._stripped = frozenset(name.encode("latin-1") for name in names)

    def trusts(self, address: str) -> bool:
        """Whether this is the address of one of the operator's proxies."""
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found.version == network.version and found in network for network in self._addresses)

    def client_address(self, request: Request) -> str:
        """Where the request comes from: the last address that no trusted proxy has."""
        address = _peer(request.scope)
        behind = [each.strip() for value in request.headers.getlist(_FORWARDED_FOR) for each in value.split(",")]
        while behind and self.trusts(address):
            address = behind.pop()[:LONGEST_NAME]
        return address or _UNKNOWN

    def person(self, request: Request) -> Person | None:
        """Who the proxy says it is; None where it says nothing.

        Raises Unauthenticated where it says more than one name, or none that can be shown.
        """
        if self._user_header is None or not self.trusts(_peer(request.scope)):
            return None
        given = request.headers.getlist(self._user_header)
        if not given:
            return None
        name = given[0].strip()
        if len(given) > 1 or not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise Unauthenticated(f"the proxy's header {self._user_header} is not one name", hint="mend the proxy")
        return Person(name, How.PROXY, self._membership.grants(self._groups(request, name)))

    def _groups(self, request: Request, name: str) -> list[str]:
        if self._groups_header is None:
            return [name]
        given = request.headers.getlist(self._groups_header)
        return [each.strip() for value in given for each in value.split(",") if each.strip()]

    def cleaned(self, scope: Scope) -> Scope:
        """The request, without the headers of a proxy where it comes from an address that is not trusted."""
        if not self._stripped or self.trusts(_peer(scope)):
            return scope
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in self._stripped]
        return {**scope, "headers": kept}


class ProxyHeaders:
    """Removes the headers that only a trusted proxy may send."""

    def __init__(self, app: ASGIApp, proxy: TrustedProxy) -> None:
        self._app = app
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(self._proxy.cleaned(scope) if scope["type"] == "http" else scope, receive, send)


def is_forwarded(request: Request) -> bool:
    """Whether a proxy says that it passes the request on."""
    return any(name in request.headers for name in _OF_PROXIES)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return _UNKNOWN if client is None else str(client[0])
