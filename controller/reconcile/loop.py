"""Running a pass: one loop over the named steps, one `finally` that reports."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from controller.domain.errors import PenstockError
from controller.reconcile.pass_ import Listener, Mode, Pass, PassRequest, Source, Unwatched
from controller.reconcile.report import PassReport, make_report
from controller.reconcile.rollback import bring_back
from controller.reconcile.services import Services
from controller.reconcile.steps import APPLY_STEPS, PLAN_STEPS, RECOVER_STEPS, observe

log = structlog.get_logger()

STEPS = {
    Mode.PLAN: PLAN_STEPS,
    Mode.APPLY: APPLY_STEPS,
    Mode.RECOVER: RECOVER_STEPS,
    Mode.ROLLBACK: (*RECOVER_STEPS, observe, bring_back),
}


async def run_pass(
    request: PassRequest,
    services: Services,
    source: Source,
    *,
    listener: Listener | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> PassReport:
    """Run one pass. Its errors are in the report; only cancellation and mistakes of ours are raised."""
    started = services.clock.monotonic()
    error: PenstockError | None = None
    async with AsyncExitStack() as stack:
        pass_ = Pass(request, services, source, stack, listener or Unwatched(), stopping)
        try:
            for step in STEPS[request.mode]:
                log.debug("pass.step", step=step.__name__, organization=request.organization)
                await step(pass_)
        except PenstockError as caught:
            error = caught
        finally:
            report = make_report(pass_, error, services.clock.monotonic() - started)
            log.info("pass.done", **report.log_fields())
    return report
