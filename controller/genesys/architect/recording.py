"""What the organisation records of executions: its switch, the default log level, and flows' own levels.

The writes change what is recorded from then on, for everybody: only a person's explicit command makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from controller.domain.errors import NotFound
from controller.domain.identity import FlowKey
from controller.domain.platform import Priority
from controller.domain.recording import LogLevel, Recording
from controller.genesys.call import Call
from controller.genesys.paging import PageOf, all_pages
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import ExecutionDataSettings, FlowLevel, FlowLevelPage, LevelSetting

_SETTINGS = "/api/v2/flows/instances/settings"
SWITCH: Final = f"{_SETTINGS}/executiondata"
OWN_LEVELS: Final = f"{_SETTINGS}/loglevels"
DEFAULT_LEVEL: Final = f"{_SETTINGS}/loglevels/default"
FLOW_LEVEL: Final = "/api/v2/flows/{flowId}/instances/settings/loglevels"
_PAGE_SIZE = 200


async def enabled(transport: Transport, priority: Priority = Priority.OBSERVE) -> bool:
    """Whether execution data is recorded at all. Raises PermissionMissing."""
    return (await transport.fetch(Call("GET", SWITCH, priority=priority), ExecutionDataSettings)).enabled


async def default_level(transport: Transport, priority: Priority = Priority.OBSERVE) -> LogLevel:
    """The level of the flows that have none of their own. Raises PermissionMissing."""
    return (await transport.fetch(Call("GET", DEFAULT_LEVEL, priority=priority), LevelSetting)).log_level


async def own_levels(transport: Transport) -> Sequence[FlowLevel]:
    """The flows with a level of their own, in `ceil(count / 200)` calls. Raises PermissionMissing."""

    async def page(number: int) -> PageOf[FlowLevel]:
        query = {"pageNumber": number, "pageSize": _PAGE_SIZE}
        answer = await transport.fetch(Call("GET", OWN_LEVELS, query=query), FlowLevelPage)
        return PageOf(answer.entities, answer.total, answer.page_count)

    return (await all_pages(page, page_size=_PAGE_SIZE)).items


async def levels_by_key(transport: Transport) -> Mapping[FlowKey, LogLevel]:
    """The levels of the flows with one of their own, by type and name. Raises PermissionMissing."""
    return {
        FlowKey(each.type.lower(), each.name): each.log_level
        for each in await own_levels(transport)
        if each.type and each.name
    }


async def flow_level(transport: Transport, flow_id: str, priority: Priority = Priority.OBSERVE) -> LogLevel:
    """The level that holds for one flow: its own, or else the default. Raises PermissionMissing."""
    try:
        answer = await transport.fetch(Call("GET", FLOW_LEVEL, {"flowId": flow_id}, priority=priority), LevelSetting)
    except NotFound:
        return await default_level(transport, priority)
    return answer.log_level


async def recording(transport: Transport, flow_id: str) -> Recording:
    """What is recorded of one flow's executions. Raises PermissionMissing."""
    switched_on = await enabled(transport, Priority.GATE)
    return Recording(switched_on, await flow_level(transport, flow_id, Priority.GATE) if switched_on else None)


async def switch(transport: Transport, *, on: bool) -> bool:
    """Record execution data, or do not; how the organisation then says that it stands. Raises PermissionMissing."""
    call = Call("PATCH", SWITCH, body={"enabled": on}, priority=Priority.PUBLISH, repeatable=True)
    return (await transport.fetch(call, ExecutionDataSettings)).enabled


async def set_default_level(transport: Transport, level: str) -> LogLevel:
    """Set the level of the flows that have none of their own; how it stands then. Raises PermissionMissing."""
    call = Call("PUT", DEFAULT_LEVEL, body=_wanted(level), priority=Priority.PUBLISH, repeatable=True)
    return (await transport.fetch(call, LevelSetting)).log_level


async def set_flow_level(transport: Transport, flow_id: str, level: str, *, has_own: bool) -> LogLevel:
    """Give a flow a level of its own, or change it; how it stands then. Raises PermissionMissing."""
    method = "PUT" if has_own else "POST"
    call = Call(
        method, FLOW_LEVEL, {"flowId": flow_id}, body=_wanted(level), priority=Priority.PUBLISH, repeatable=True
    )
    return (await transport.fetch(call, LevelSetting)).log_level


async def drop_flow_level(transport: Transport, flow_id: str) -> None:
    """Let the default hold for a flow again; that it has no level of its own is no error."""
    call = Call("DELETE", FLOW_LEVEL, {"flowId": flow_id}, priority=Priority.PUBLISH, repeatable=True)
    try:
        await transport.send(call)
    except NotFound:
        return


def _wanted(level: str) -> dict[str, object]:
    """The level alone: which characteristics it brings is the organisation's to say."""
    return {"logLevelCharacteristics": {"level": level}}
