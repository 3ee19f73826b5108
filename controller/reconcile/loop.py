"""Runs a pass: the steps of its mode in order, with stages as values, and one `finally` that reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import ParamSpec, TypeVar

import structlog

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import DeliveryPaused
from controller.domain.errors.process import Interrupted
from controller.domain.waiting import Overtaken, finished_before
from controller.planning.model import Plan
from controller.reconcile import after_delivery, recorder, records, rollback, steps
from controller.reconcile.looks import PlanFound
from controller.reconcile.pass_ import Held, Listener, Located, Mode, Observed, Pass, PassRequest, Source, Unwatched
from controller.reconcile.report import PassProgress, PassReport, leaves_doubt, make_report, only_for_people, rests
from controller.reconcile.services import Services

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")
_ASKED_EVERY_S = 1.0


async def run_pass(
    request: PassRequest,
    services: Services,
    source: Source,
    *,
    listener: Listener | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> PassReport:
    """Run one pass. Its errors are in the report; only cancellation and internal errors are raised.

    Once `stopping` returns true, no new step begins, and delivered changes are recorded.
    """
    started = services.clock.monotonic()
    error: PenstockError | None = None
    async with AsyncExitStack() as stack:
        start = Pass(request=request, services=services, listener=listener or Unwatched(), stopping=stopping)
        reached = PassProgress(start)
        try:
            await _Run(start, reached, stack).all(source)
        except PenstockError as caught:
            error = caught
        finally:
            report = make_report(reached, error, services.clock.monotonic() - started)
            if reached.located is not None and leaves_doubt(reached, error):
                services.looks.forget(reached.located.identity.by_client)
            log.info("pass.done", **report.log_fields())
    return report


class _Run:
    """One run. It stores the results of steps in `reached`, so that a failed pass reports how far it came."""

    def __init__(self, start: Pass, reached: PassProgress, stack: AsyncExitStack) -> None:
        self._start = start
        self._reached = reached
        self._stack = stack

    async def all(self, source: Source) -> None:
        """The steps of the request's mode."""
        mode = self._start.request.mode
        located = await self._locate(source)
        if mode is Mode.PLAN:
            await self._plan(located, None)
            return
        held = self._reached.located = await self._write(steps.acquire, located, self._stack)
        recovery = await self._recover(held)
        if mode is Mode.ROLLBACK:
            await self._roll_back(held, recovery)
        elif mode is Mode.APPLY:
            plan = await self._plan(held, recovery.undecided)
            await self._deliver(held, plan, recovery)

    async def _locate(self, source: Source) -> Located:
        reached = self._reached
        workspace = reached.workspace = await self._look(steps.checkout, source)
        self._stack.enter_context(workspace.repository.in_pass())
        out = await self._look(steps.attribute, self._start, workspace)
        reached.unpushed = await self._look(steps.follow, out)
        await self._look(steps.refuse_uncommitted, out, reached.unpushed)
        located = reached.located = await self._look(steps.locate, out)
        await self._look(recorder.refuse_beside_controller, located)
        return located

    async def _recover(self, held: Held) -> steps.Recovery:
        reached = self._reached
        recovery = await self._write(steps.recover, held)
        if recovery is None:
            return steps.Recovery()
        reached.recovered = recovery.steps
        reached.commit = await self._always(records.record_steps, held, recovery.to_record, "recovery")
        reached.result = recovery.result
        await self._always(steps.refuse_unsettled, held, recovery)
        return recovery

    async def _plan(self, at: Located, undecided: DeliveryPaused | None) -> Plan:
        observed, plan = await self._observe(at, full=at.request.full_look)
        if not (observed.full or rests(observed, plan) or self._found_before(at, observed, plan)):
            # A look at recent publishes may only find that there is nothing to do.
            observed, plan = await self._observe(at, full=True)
        if observed.look is not None and observed.full:
            at.services.looks.found(at.identity.by_client, observed.look, PlanFound(plan.digest, plan.drift))
        await self._look(steps.present, at, observed, plan, undecided)
        return plan

    async def _observe(self, at: Located, *, full: bool) -> tuple[Observed, Plan]:
        reached = self._reached
        observed = reached.observed = await self._look(steps.observe, at, full=full)
        plan = reached.plan = await self._look(steps.plan, at, observed)
        return observed, plan

    @staticmethod
    def _found_before(at: Located, observed: Observed, plan: Plan) -> bool:
        """Whether there is nothing to deliver, and the last full look found the same."""
        if observed.look is None or not only_for_people(at.request.mode, observed, plan):
            return False
        finding = PlanFound(plan.digest, plan.drift)
        return at.services.looks.found_before(at.identity.by_client, observed.look, finding)

    async def _deliver(self, held: Held, plan: Plan, recovery: steps.Recovery) -> None:
        reached = self._reached
        allowed = reached.plan = await self._look(steps.check, held, plan, recovery.undecided)
        self._start.listener.delivering(allowed)
        result = reached.result = await self._write(steps.deliver, held, allowed)
        if result is None:
            return
        commit = await self._always(records.record_sync, held, result)
        if commit is not None:
            reached.commit, reached.result = commit, records.as_recorded(result)
        if self._start.request.watches and reached.observed is not None:
            ended = reached.result or result
            reached.left = await self._always(after_delivery.plan_left, held, reached.observed, ended, commit)

    async def _roll_back(self, held: Held, recovery: steps.Recovery) -> None:
        reached = self._reached
        observed = reached.observed = await self._look(rollback.look, held)
        if recovery.result is not None and held.request.version is None:
            return  # The flow was still watched, and recovery rolled it back.
        result, to_record = await self._write(rollback.bring_back, held, observed)
        reached.result = result
        deployment = f"{held.request.organization}-{result.sync_id}"
        commit = await self._always(records.record_steps, held, to_record, deployment)
        reached.commit = commit or reached.commit

    async def _look(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step that only reads. A shutdown abandons it."""
        self._begin(step)
        try:
            return await finished_before(self._stopping(), step(*args, **kwargs))
        except Overtaken:
            raise self._interrupted() from None

    async def _write(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step that writes. Once begun, it handles a shutdown itself and parks its work."""
        self._begin(step)
        return await step(*args, **kwargs)

    async def _always(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step that completes the one before, even during a shutdown."""
        self._log(step)
        return await step(*args, **kwargs)

    def _log(self, step: Callable[..., object]) -> None:
        name, organization = getattr(step, "__name__", ""), self._start.request.organization
        log.debug("pass.step", step=name, organization=organization)
        self._start.listener.began(name)

    def _begin(self, step: Callable[..., object]) -> None:
        self._log(step)
        if self._start.stopping():
            raise self._interrupted()

    async def _stopping(self) -> None:
        while not self._start.stopping():
            await self._start.services.clock.sleep(_ASKED_EVERY_S)

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            f"{self._start.request.organization}: interrupted before any change started",
            hint="run it again; unfinished changes are resumed first",
        )
