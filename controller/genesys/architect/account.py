"""The organisation that the token is for."""

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
"""Genesys documents no permission for it; a gateway in front of the API may still refuse it."""


async def organization_id(transport: Transport, priority: Priority) -> str | None:
    """The organisation's id; None where this client may not read it."""
    found = await _organization(transport, priority)
    return (found.id or None) if found else None


async def organization_name(transport: Transport) -> str | None:
    """The organisation's own name; None where this client may not read it."""
    found = await _organization(transport, Priority.OBSERVE)
    return (found.name or None) if found else None


async def _organization(transport: Transport, priority: Priority) -> EntityRef | None:
    try:
        return (await transport.fetch(replace(TOKEN, priority=priority), TokenInfo)).organization
    except (PermissionMissing, NotFound):
        return None
