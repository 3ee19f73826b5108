"""Decides which hosts credentials may go to: the Genesys domains, and what the operator allows.

Nothing in a repository can widen this; a pull request can only choose among the allowed hosts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controller.domain.addresses import is_loopback
from controller.domain.desired import Endpoint
from controller.manifests.wording import did_you_mean, quoted

REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "mypurecloud.com": "us-east-1",
        "mypurecloud.ie": "eu-west-1",
        "mypurecloud.com.au": "ap-southeast-2",
        "mypurecloud.jp": "ap-northeast-1",
        "mypurecloud.de": "eu-central-1",
        "usw2.pure.cloud": "us-west-2",
        "cac1.pure.cloud": "ca-central-1",
        "apne2.pure.cloud": "ap-northeast-2",
        "euw2.pure.cloud": "eu-west-2",
        "aps1.pure.cloud": "ap-south-1",
        "use2.us-gov-pure.cloud": "us-east-2",
        "sae1.pure.cloud": "sa-east-1",
        "mec1.pure.cloud": "me-central-1",
        "apne3.pure.cloud": "ap-northeast-3",
        "euc2.pure.cloud": "eu-central-2",
        "mxc1.pure.cloud": "mx-central-1",
        "apse1.pure.cloud": "ap-southeast-1",
        "edee1.eusc-pure.cloud": "eusc-de-east-1",
    }
)
"""The AWS region of each Genesys domain."""

_DECORATION = re.compile(r"(?:https?://)?(?:(?:api|login|apps)\.)?")


def suggestion(region: str) -> str | None:
    """What a value that is no Genesys domain was most likely meant to be, as a hint."""
    lower = region.strip().lower()
    for domain, aws in REGIONS.items():
        if aws == lower:
            return f"the domain of {aws} is {quoted(domain)}"
    bare = _DECORATION.sub("", lower, count=1).rstrip("/.")
    if bare in REGIONS:
        return f"write only the domain: {quoted(bare)}"
    return did_you_mean(bare, REGIONS)


_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9][a-z0-9._-]*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)


class AddressRefused(Exception):  # noqa: N818 - the loader turns it into a mistake; it never leaves the package
    """Why an address may not be used, and what to do."""

    def __init__(self, message: str, hint: str, *, allowed: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.allowed = allowed
        """False when the host itself is refused, and not its spelling."""


@dataclass(frozen=True, slots=True)
class _Address:
    scheme: str
    host: str
    port: str | None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def of_region(domain: str) -> Endpoint:
    """Where the organisations of a Genesys domain answer."""
    return Endpoint(domain, f"https://api.{domain}", f"https://login.{domain}")


def checked_address(url: str, allowed_hosts: Collection[str], *, loopback: bool) -> str:
    """The address as `scheme://host[:port]`. Raises AddressRefused.

    `loopback` allows all addresses of this machine. An allowed host is written `host`, `host:port`, or
    `http://host[:port]` where plain HTTP is meant to be accepted.
    """
    match = _ADDRESS.fullmatch(url)
    if match is None or int(match["port"] or 0) > 65535:
        raise AddressRefused(
            "must be https://host or https://host:port, without a path, a user or a query",
            "for example https://api.genesys.example.com",
        )
    address = _Address(match["scheme"].lower(), match["host"].lower(), match["port"])
    allowed = {entry.strip().lower().rstrip("/") for entry in allowed_hosts}
    local = is_loopback(address.host)
    if (local and loopback) or str(address) in allowed or f"{address.scheme}://{address.host}" in allowed:
        return str(address)
    if address.host not in allowed and address.authority not in allowed:
        raise AddressRefused(f"leads to {address.host}, which is not allowed", _way_out(address.host), allowed=False)
    if address.scheme != "https" and not local:
        raise AddressRefused(
            f"must begin with https://, because {address.host} is not this machine",
            f"or the operator allows http://{address.authority} in PENSTOCK_ORGANIZATION_HOSTS",
        )
    return str(address)


def _way_out(host: str) -> str:
    for domain in REGIONS:
        if host in (domain, f"api.{domain}", f"login.{domain}"):
            return f"write region: {domain} instead of the URLs"
    return f"use a Genesys region, or have the operator add {host} to PENSTOCK_ORGANIZATION_HOSTS"
