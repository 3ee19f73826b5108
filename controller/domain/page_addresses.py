"""The addresses of pages. Every part of a path is quoted whole, so that a name cannot lead elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def organization_address(organization: str, *rest: str) -> str:
    """The address of an organisation's page, or of what `rest` names below it."""
    return "/".join(["/organizations", *(quote(part, safe="") for part in (organization, *rest))])


def flow_address(organization: str, flow: str) -> str:
    """The address of one flow."""
    return organization_address(organization, "flows", flow)


def sync_address(sync_id: int) -> str:
    """The address of one sync."""
    return f"/syncs/{sync_id}"


def with_query(address: str, values: Mapping[str, object]) -> str:
    """The address with those of the values that say something."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{address}?{urlencode(given)}" if given else address
