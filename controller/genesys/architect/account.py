"""Who the caller is to the organisation."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from controller.domain.errors import NotFound, PermissionMissing
from controller.domain.platform import Priority
from controller.genesys.call import Call
from controller.genesys.transport import Transport
from controller.genesys.wire.account import TokenInfo

TOKEN: Final = Call("GET", "/api/v2/tokens/me")
"""Needs no permission that Genesys documents; a gateway before the API may refuse it all the same."""


async def organization_id(transport: Transport, priority: Priority) -> str | None:
    """The id of the organisation that the token is for; None where this client is not told."""
    try:
        info = await transport.fetch(replace(TOKEN, priority=priority), TokenInfo)
    except (PermissionMissing, NotFound):
        return None
    return (info.organization.id or None) if info.organization else None
