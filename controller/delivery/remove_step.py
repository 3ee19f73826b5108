"""Taking a flow out of use, or deleting it, when its manifest is gone."""

from __future__ import annotations

from controller.delivery.consumers import consumers_of, index_fault
from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.reading import as_planned, before_write, current, require_planned, seen
from controller.delivery.work import Work
from controller.delivery.writer import Call, Took, urgency, write
from controller.domain.capabilities import provided
from controller.domain.errors import PlanStale, PublishFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability
from controller.domain.status import StepState
from controller.planning.model import ChangeKind


class RemoveStep:
    """`unpublish` and `delete`. Deleting cannot be taken back; what was live is in the artifacts."""

    bakes = False

    def __init__(self, context: Context) -> None:
        self._context = context

    async def prepare(self, work: Work) -> bool:
        live = await as_planned(self._context, work)
        if await wait_for_lock(self._context, work, live) is not live:
            live = await as_planned(self._context, work)
        if live is not None:
            await self._refuse_while_consumed(work, live)
        return True

    async def _refuse_while_consumed(self, work: Work, live: LiveFlow) -> None:
        """Somebody may have begun to use the flow since the plan was made. Raises PlanStale.

        What this sync has published or removed before needs no look: the plan knows that it uses the flow no more, and
        the index may not know yet.
        """
        context, index = self._context, self._context.platform.dependency_index
        if index is None:
            return
        ours = {other.key for other in context.works}
        found = [key for key in await consumers_of(index, live, {}) if key not in ours]
        fault = await index_fault(index)
        if found or fault is not None:
            why = fault or f"{', '.join(map(str, found))} began to use it"
            raise PlanStale(
                f"{work.change.flow} ({work.key}): {why} since the plan was made; it was not removed",
                hint="make a new plan and look at it again",
            )

    async def publish(self, work: Work) -> None:
        await through_conflicts(
            self._context,
            work,
            lambda: take_out(self._context, work, delete=_deletes(work), state=StepState.PUBLISHING),
        )

    async def settle(self, work: Work) -> LiveFlow | None:
        """Raises PublishFailed when the flow is still there."""
        delete = _deletes(work)
        gone, live = await seen(self._context, work, lambda flow: _is_out(flow, delete=delete))
        if not gone:
            raise PublishFailed(
                f"{work.change.flow} ({work.key}): the organisation reported success, but the flow is still "
                f"{'there' if delete else 'published'}",
                hint="look at the flow in Architect",
            )
        return live

    async def took_effect(self, work: Work) -> bool:
        delete = _deletes(work)
        grace_s = self._context.settings.lost_answer_grace_s
        gone, _ = await seen(self._context, work, lambda flow: _is_out(flow, delete=delete), for_s=grace_s)
        return gone


async def take_out(
    context: Context, work: Work, *, delete: bool, prefix: str = "", state: StepState | None = None
) -> None:
    """Unpublish or delete the change's flow; with a prefix it is a rollback's, and goes first."""
    flow_id, priority = work.flow_id or "", urgency(prefix)

    async def send() -> bool:
        removal = provided(context.platform.at(priority).removal, context.platform.dialect, Capability.UNPUBLISH)
        await (removal.delete(flow_id) if delete else removal.unpublish(flow_id))
        return True

    async def look() -> Took[bool] | None:
        gone, _ = await seen(
            context,
            work,
            lambda flow: _is_out(flow, delete=delete),
            priority=priority,
            for_s=context.settings.lost_answer_grace_s,
        )
        return Took(value=True) if gone else None

    async def ready() -> Took[bool] | None:
        live = await current(context, work, priority=priority) if prefix else await before_write(context, work)
        if _is_out(live, delete=delete):
            return Took(value=True)
        if not prefix:
            require_planned(context, work, live)
        return None

    action, version = f"{prefix}{'delete' if delete else 'unpublish'}", work.record.previous_version
    await write(context, work, Call(action, send, look, version=version, state=state, ready=ready))


def _deletes(work: Work) -> bool:
    return work.change.kind is ChangeKind.DELETE


def _is_out(live: LiveFlow | None, *, delete: bool) -> bool:
    return live is None if delete else live is None or live.published_version is None
