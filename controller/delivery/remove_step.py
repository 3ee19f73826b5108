"""Unpublishes or deletes a flow without a manifest, after a check of its consumers.

The check uses the organisation's own dependency index. A stale index proves nothing.
"""

from __future__ import annotations

from controller.delivery.change_run import ChangeRun
from controller.delivery.dependency_index import consumers_of, index_fault
from controller.delivery.live_state import LOST_ANSWER_S, as_planned, before_write, require_planned, wait_until
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.writer import Took, Write, write
from controller.domain.capabilities import provided
from controller.domain.errors.change import PublishFailed
from controller.domain.errors.delivery import PlanStale
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability
from controller.domain.status import StepState
from controller.planning.model import ChangeKind


class RemoveStep:
    """`unpublish` and `delete`. A deleted flow cannot be restored; its content is in the artifacts."""

    bakes = False

    def __init__(self, run: ChangeRun) -> None:
        self._run = run

    async def prepare(self) -> bool:
        run = self._run
        live = await as_planned(run)
        if await wait_for_lock(run, live) is not live:
            live = await as_planned(run)
        if live is not None:
            await self._refuse_while_consumed(live)
        return True

    async def _refuse_while_consumed(self, live: LiveFlow) -> None:
        """Raise PlanStale if another flow consumes it by now.

        Flows of this sync do not count: by the plan they no longer consume it, which the index may not show yet.
        """
        run, index = self._run, self._run.sync.platform.dependency_index
        if index is None:
            return
        ours = {other.key for other in run.sync.runs}
        found = [key for key in await consumers_of(index, live, {}) if key not in ours]
        fault = await index_fault(index)
        if found or fault is not None:
            why = fault or f"{', '.join(map(str, found))} began to use it"
            raise PlanStale(
                f"{run.label}: {why} since the plan was made; it was not removed",
                hint="make a new plan and look at it again",
            )

    async def publish(self) -> None:
        run = self._run
        await through_conflicts(run, lambda: take_out(run, delete=_deletes(run), state=StepState.PUBLISHING))

    async def settle(self) -> LiveFlow | None:
        """Raises PublishFailed when the flow is still there."""
        run = self._run
        delete = _deletes(run)
        gone, live = await wait_until(run, lambda flow: _is_out(flow, delete=delete))
        if not gone:
            raise PublishFailed(
                f"{run.label}: the organisation reported success, but the flow is still "
                f"{'there' if delete else 'published'}",
                hint="look at the flow in Architect",
            )
        return live

    async def took_effect(self) -> bool:
        return await _went_out(self._run, delete=_deletes(self._run))


async def take_out(run: ChangeRun, *, delete: bool, state: StepState | None = None) -> None:
    """Unpublish or delete the change's flow."""
    flow_id = run.flow_id or ""

    async def send() -> bool:
        removal = provided(run.platform.removal, run.sync.platform.dialect, Capability.UNPUBLISH)
        await (removal.delete(flow_id) if delete else removal.unpublish(flow_id))
        return True

    async def look() -> Took[bool] | None:
        return Took(value=True) if await _went_out(run, delete=delete) else None

    async def ready() -> Took[bool] | None:
        live = await run.live() if run.going_back else await before_write(run)
        if _is_out(live, delete=delete):
            return Took(value=True)
        if not run.going_back:
            require_planned(run, live)
        return None

    action, version = run.action("delete" if delete else "unpublish"), run.record.previous_version
    await write(run, Write(action, send, look, version=version, state=state, ready=ready))


def _deletes(run: ChangeRun) -> bool:
    return run.change.kind is ChangeKind.DELETE


async def _went_out(run: ChangeRun, *, delete: bool) -> bool:
    """Whether the flow is out of use by now, or soon is."""
    gone, _ = await wait_until(run, lambda flow: _is_out(flow, delete=delete), for_s=LOST_ANSWER_S)
    return gone


def _is_out(live: LiveFlow | None, *, delete: bool) -> bool:
    return live is None if delete else live is None or live.published_version is None
