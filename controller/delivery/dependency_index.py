"""What the organisation's dependency index says of the consumers of a flow."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.errors.delivery import PlanStale
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.ports import DependencyIndex

OPERATIONAL = "OPERATIONAL"


async def index_fault(index: DependencyIndex) -> str | None:
    """Why the index cannot be relied on; None when it can. Raises the errors of the call."""
    state = await index.state()
    return None if state == OPERATIONAL else f"the organisation's dependency index is not up to date ({state})"


async def consumers_of(index: DependencyIndex, flow: LiveFlow, keys: Mapping[str, FlowKey]) -> tuple[FlowKey, ...]:
    """The other flows with published versions that consume this one, sorted; `keys` are live flows by id.

    Raises PlanStale when the answer is incomplete, and the errors of the call.
    """
    answer = await index.consumers(flow)
    if not answer.complete:
        raise PlanStale(
            f"{flow.key}: the dependency index gave only a part of its consumers", hint="wait until the index is built"
        )
    found = {
        keys.get(each.id, FlowKey(_flow_type(each.type), each.name or each.id))
        for each in answer.flows
        if each.id != flow.id
    }
    return tuple(sorted(found))


def _flow_type(index_type: str) -> str:
    """The API's flow type for a type of the index, such as `INBOUNDCALLFLOW`; a workflow is a `WORKFLOW` there."""
    name = index_type.lower()
    return name if name == "workflow" else name.removesuffix("flow")
