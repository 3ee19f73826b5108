"""Recognises internal hosts, to which nothing in a repository may send the controller.

A pull request can name any URL. Cloud metadata, the cluster's API and internal consoles answer on loopback, link-local
and private addresses, so those are reachable only where the operator allows them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

_NAT64 = IPv6Network("64:ff9b::/96")
_OF_CLOUDS = (
    IPv4Network("168.63.129.16/32"),  # Azure's host: metadata and the agent
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments; 192.0.0.192 is Oracle's metadata
    IPv4Network("100.64.0.0/10"),  # shared address space; 100.100.100.200 is Alibaba's metadata
    IPv6Network("fec0::/10"),  # site-local, deprecated and still routed inside sites
)
"""Internal addresses that `ipaddress` calls global, at least in some versions of Python."""
_NUMERIC = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)
"""Formats that `inet_aton` accepts: `127.1`, `2130706433`, `0x7f.1`."""


def is_internal_address(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is not public. An IPv4 address that is embedded in an IPv6 address counts."""
    embedded = _embedded(address)
    if embedded is not None:
        return is_internal_address(embedded)
    known = any(address in network for network in _OF_CLOUDS)
    return known or not address.is_global or address.is_multicast or address.is_reserved


def is_internal_host(host: str) -> bool:
    """Whether the name of a host, as URLs write it, is internal. Other names are checked once they resolve."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return is_internal_address(ip_address(name.partition("%")[0]))
    except ValueError:
        return _NUMERIC.fullmatch(name) is not None


def is_loopback(host: str) -> bool:
    """Whether the name of a host, as URLs write it, is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_allowed(url: str, allowed_hosts: Collection[str]) -> bool:
    """Whether the operator allows a URL's host: written `host`, `host:port` or `scheme://host[:port]`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    forms = {shown, host, *(() if parts.port is None else (f"{shown}:{parts.port}",))}
    forms |= {f"{parts.scheme}://{form}" for form in forms}
    return not forms.isdisjoint(entry.strip().lower().rstrip("/") for entry in allowed_hosts)


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
