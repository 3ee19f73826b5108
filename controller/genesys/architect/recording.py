"""The organisation's recording of executions: its switch, the default log level, and flows' own levels.

The writes change the recording from then on, for all clients: only a person's explicit command makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from controller.domain.errors.organization import NotFound
from controller.domain.identity import FlowKey
from controller.domain.platform import Priority
from controller.domain.recording import LogLevel, Recording
from controller.genesys.call import ApiCall
from controller.genesys.paging import all_pages, pages_of
from controller.genesys.part import PlatformPart
from controller.genesys.wire.architect import ExecutionDataSettings, FlowLevel, LevelSetting
from controller.genesys.wire.model import ListPage

_SETTINGS = "/api/v2/flows/instances/settings"
_SWITCH: Final = f"{_SETTINGS}/executiondata"
_OWN_LEVELS: Final = f"{_SETTINGS}/loglevels"
_DEFAULT_LEVEL: Final = f"{_SETTINGS}/loglevels/default"
_FLOW_LEVEL: Final = "/api/v2/flows/{flowId}/instances/settings/loglevels"
_PAGE_SIZE = 200


class ArchitectRecording(PlatformPart):
    """Implements `ExecutionRecording`. Every method raises PermissionMissing when the client lacks its permission.

    Writes may be repeated, because a second one changes nothing. They return the resulting setting as the organisation
    reports it.
    """

    async def enabled(self) -> bool:
        """Whether execution data is recorded at all."""
        call = ApiCall("GET", _SWITCH, priority=self._usually(Priority.OBSERVE))
        return (await self._transport.fetch(call, ExecutionDataSettings)).enabled

    async def default_level(self) -> LogLevel:
        """The level of flows without one of their own."""
        return await self._level(ApiCall("GET", _DEFAULT_LEVEL, priority=self._usually(Priority.OBSERVE)))

    async def levels_by_key(self) -> Mapping[FlowKey, LogLevel]:
        """The levels of flows with one of their own, in `ceil(count / 200)` calls."""
        pages = pages_of(self._transport, ListPage[FlowLevel])
        listing = await all_pages(self._transport, ApiCall("GET", _OWN_LEVELS), pages, page_size=_PAGE_SIZE)
        return {
            FlowKey(each.type.lower(), each.name): each.log_level for each in listing.items if each.type and each.name
        }

    async def flow_level(self, flow_id: str) -> LogLevel:
        """The effective level of one flow: its own, else the default."""
        try:
            priority = self._usually(Priority.OBSERVE)
            return await self._level(ApiCall("GET", _FLOW_LEVEL, {"flowId": flow_id}, priority=priority))
        except NotFound:
            return await self.default_level()

    async def of(self, flow_id: str) -> Recording:
        """The recording of one flow's executions."""
        view = self.at(self._usually(Priority.GATE))
        enabled = await view.enabled()
        return Recording(enabled, await view.flow_level(flow_id) if enabled else None)

    async def switch(self, *, on: bool) -> bool:
        """Enable or disable the recording of execution data."""
        call = ApiCall("PATCH", _SWITCH, body={"enabled": on}, priority=Priority.PUBLISH, repeatable=True)
        return (await self._transport.fetch(call, ExecutionDataSettings)).enabled

    async def set_default(self, level: str) -> LogLevel:
        """Set the level of flows without one of their own."""
        return await self._set("PUT", _DEFAULT_LEVEL, {}, level)

    async def set_level(self, flow_id: str, level: str) -> LogLevel:
        """Set the own level of one flow. The API has separate calls to add and to change a level."""
        path = {"flowId": flow_id}
        try:
            return await self._set("PUT", _FLOW_LEVEL, path, level)
        except NotFound:
            return await self._set("POST", _FLOW_LEVEL, path, level)

    async def drop(self, flow_id: str) -> None:
        """Remove the own level of a flow. A flow without one is not an error."""
        call = ApiCall("DELETE", _FLOW_LEVEL, {"flowId": flow_id}, priority=Priority.PUBLISH, repeatable=True)
        try:
            await self._transport.send(call)
        except NotFound:
            return

    async def _level(self, call: ApiCall) -> LogLevel:
        return (await self._transport.fetch(call, LevelSetting)).log_level

    async def _set(self, method: str, route: str, path: Mapping[str, str], level: str) -> LogLevel:
        """Set a level by its name; the organisation decides which characteristics belong to it."""
        body = {"logLevelCharacteristics": {"level": level}}
        return await self._level(ApiCall(method, route, path, body=body, priority=Priority.PUBLISH, repeatable=True))
