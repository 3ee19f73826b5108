"""The organisation that the token is for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from controller.domain.errors.organization import NotFound, PermissionMissing
from controller.domain.platform import Priority
from controller.genesys.call import ApiCall
from controller.genesys.part import PlatformPart
from controller.genesys.wire.account import TokenInfo
from controller.genesys.wire.model import EntityRef

TOKEN: Final = ApiCall("GET", "/api/v2/tokens/me")
"""Genesys documents no permission for it; a gateway in front of the API may still refuse it."""


class ArchitectAccount(PlatformPart):
    """The organisation that this client belongs to; None where the client may not read it."""

    async def organization(self) -> EntityRef | None:
        try:
            call = replace(TOKEN, priority=self._usually(Priority.OBSERVE))
            return (await self._transport.fetch(call, TokenInfo)).organization
        except (PermissionMissing, NotFound):
            return None
