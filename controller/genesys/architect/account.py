"""Who the caller is to the organisation."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from controller.domain.errors import NotFound, PermissionMissing
from controller.domain.platform import Priority
from controller.genesys.call import ApiCall
from controller.genesys.transport import Transport
from controller.genesys.wire.account import TokenInfo
from controller.genesys.wire.model import EntityRef

TOKEN: Final = ApiCall("GET", "/api/v2/tokens/me")
"""Needs no permission that Genesys documents; a gateway before the API may refuse it all the same."""


async def organization_id(transport: Transport, priority: Priority) -> str | None:
    """The id of the organisation that the token is for; None where this client is not told."""
    found = await _organization(transport, priority)
    return (found.id or None) if found else None


async def organization_name(transport: Transport) -> str | None:
    """What that organisation calls itself; None where this client is not told."""
    found = await _organization(transport, Priority.OBSERVE)
    return (found.name or None) if found else None


async def _organization(transport: Transport, priority: Priority) -> EntityRef | None:
    try:
        return (await transport.fetch(replace(TOKEN, priority=priority), TokenInfo)).organization
    except (PermissionMissing, NotFound):
        return None
