"""Running a pass: one loop over the named steps, one `finally` that reports."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from controller.domain.errors import Interrupted, PenstockError
from controller.domain.race import Overtaken, finished_before
from controller.reconcile.pass_ import Listener, Mode, Pass, PassRequest, Source, Unwatched
from controller.reconcile.report import PassReport, make_report
from controller.reconcile.rollback import bring_back, look
from controller.reconcile.services import Services
from controller.reconcile.steps import (
    APPLY_STEPS,
    PLAN_STEPS,
    RECOVER_STEPS,
    Step,
    acquire,
    deliver,
    record,
    recover,
)

log = structlog.get_logger()

STEPS = {
    Mode.PLAN: PLAN_STEPS,
    Mode.APPLY: APPLY_STEPS,
    Mode.RECOVER: RECOVER_STEPS,
    Mode.ROLLBACK: (*RECOVER_STEPS, look, bring_back),
}

_WRITES = frozenset({acquire, recover, deliver, bring_back, record})
"""They end by themselves when told to stop; all others only look, and are given up."""
_ASKED_EVERY_S = 1.0


async def run_pass(
    request: PassRequest,
    services: Services,
    source: Source,
    *,
    listener: Listener | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> PassReport:
    """Run one pass. Its errors are in the report; only cancellation and mistakes of ours are raised.

    Once `stopping` says so nothing new is begun, and what was delivered is recorded.
    """
    started = services.clock.monotonic()
    error: PenstockError | None = None
    async with AsyncExitStack() as stack:
        pass_ = Pass(request, services, source, stack, listener or Unwatched(), stopping)
        try:
            for step in STEPS[request.mode]:
                log.debug("pass.step", step=step.__name__, organization=request.organization)
                await _run(step, pass_)
        except PenstockError as caught:
            error = caught
        finally:
            report = make_report(pass_, error, services.clock.monotonic() - started)
            log.info("pass.done", **report.log_fields())
    return report


async def _run(step: Step, pass_: Pass) -> None:
    if step is record:
        await step(pass_)
        return
    if pass_.stopping():
        raise _interrupted(pass_)
    if step in _WRITES:
        await step(pass_)
        return
    try:
        await finished_before(_told_to_stop(pass_), step(pass_))
    except Overtaken:
        raise _interrupted(pass_) from None


async def _told_to_stop(pass_: Pass) -> None:
    while not pass_.stopping():
        await pass_.services.clock.sleep(_ASKED_EVERY_S)


def _interrupted(pass_: Pass) -> Interrupted:
    return Interrupted(
        f"{pass_.request.organization}: told to stop before anything new was begun",
        hint="run it again; what an earlier run left open is gone on with then",
    )
