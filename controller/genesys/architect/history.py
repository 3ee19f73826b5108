"""Who published or unpublished a flow: its history, which the organisation puts together when it is asked to."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.errors import BadAnswer, ServerFault
from controller.domain.live import HandChange
from controller.genesys.architect.routes import FLOW
from controller.genesys.call import ApiCall, QueryValue
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import HistoryPage, WireOperation

_ACTIONS = ("PUBLISH", "DEACTIVATE")
_NEWEST: Mapping[str, QueryValue] = {
    "action": _ACTIONS,
    "sortBy": "timestamp",
    "sortOrder": "desc",
    "pageNumber": 1,
    "pageSize": 25,
}


async def last_change(transport: Transport, flow_id: str) -> HandChange | None:
    """The newest publish, or the unpublish that came after it; None when the history tells of neither.

    Two calls. Asking changes nothing in the flow. Raises NotFound, and ServerFault when it is not ready in time.
    """
    asking = ApiCall("POST", f"{FLOW}/history", {"flowId": flow_id}, body={}, repeatable=True)
    history = await transport.fetch(asking, WireOperation)
    call = ApiCall("GET", f"{FLOW}/history/{{historyId}}", {"flowId": flow_id, "historyId": history.id}, _NEWEST)
    deadline = transport.clock.monotonic() + transport.settings.job_timeout_s
    page = await transport.fetch(call, HistoryPage)
    while page.complete is False:
        if transport.clock.monotonic() >= deadline:
            raise ServerFault(f"{call.name}: the history was not ready in time")
        await transport.clock.sleep(transport.settings.poll_s)
        page = await transport.fetch(call, HistoryPage)
    if page.action_status == "FAILURE":
        raise BadAnswer(f"{call.name}: the organisation could not put the history together")
    changes = (
        HandChange(entry.version if entry.action == "PUBLISH" else None, entry.timestamp, entry.author)
        for entry in page.entities or []
        if entry.action in _ACTIONS and entry.timestamp is not None
    )
    return max(changes, key=lambda change: change.at, default=None)
