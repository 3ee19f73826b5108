"""Runs passes for a command: opens the services, closes them, and stops on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from controller.cli import exit_codes
from controller.cli.failures import report_failure
from controller.domain.clock import SystemClock
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Listener, Mode, PassRequest
from controller.reconcile.report import Failed, PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace
from controller.store.store import Store

if TYPE_CHECKING:
    from controller.reconcile.delivering import OpenDelivery

T = TypeVar("T")
AfterPass = Callable[[PassReport, Workspace, Services], Awaitable[None]]

_SHOW_CURSOR = "\x1b[?25h"
"""The live table hides the cursor, and a process that a second signal ends cannot show it again later."""


@contextlib.contextmanager
def opened_services(settings: Settings, open_delivery: OpenDelivery | None = None) -> Iterator[Services]:
    """Store and connections of this process, from the operator's settings; the store is closed at the end.

    `open_delivery` is that of `reconcile/delivering.py` in a command that delivers.
    """
    clock = SystemClock()
    with Store.open(
        settings.store,
        clock=clock,
        audit_folder=settings.audit_dir,
        audit_stream=sys.stdout if settings.audit == "stdout" else None,
        audit_days=settings.audit_days,
        history_days=settings.history_days,
    ) as store:
        store.database.lease_ttl_s = settings.lease_ttl
        yield Services(settings, store, clock, open_delivery=open_delivery)


def run_passes(
    workspace: Workspace,
    requests: Sequence[PassRequest],
    services: Services,
    listener: Listener | None = None,
    *,
    after: AfterPass | None = None,
) -> list[PassReport]:
    """Run one pass after the other; closes the connections, not the store.

    In passes that write, the first signal stops and the second kills. `after` is called after each pass.
    """
    # A planning pass writes nothing, so Ctrl-C may end it at once.
    looks = all(request.mode is Mode.PLAN for request in requests)

    async def source() -> Workspace:
        return workspace

    async def passes() -> list[PassReport]:
        stop = asyncio.Event() if looks else stop_on_signals()
        reports = []
        for request in requests:
            report = await run_pass(request, services, source, listener=listener, stopping=stop.is_set)
            if after is not None:
                await after(report, workspace, services)
            reports.append(report)
        return reports

    return answer(services, passes())


def answer(services: Services, question: Coroutine[Any, Any, T]) -> T:
    """The answer to a question to organisations; closes the connections, not the store."""

    async def asked() -> T:
        try:
            return await question
        finally:
            await services.disconnect()

    return asyncio.run(asked())


def failures_code(reports: Sequence[Failed]) -> int:
    """The exit code of organisations that have no plan; 0 where all have one."""
    if not reports:
        return exit_codes.DONE
    codes = [exit_codes.for_error(report.error) for report in reports if report.error is not None]
    return exit_codes.of_all(codes) if codes else exit_codes.INTERRUPTED


def report_failures(reports: Sequence[Failed], *, as_json: bool) -> int:
    """Report why organisations have no plan; returns the exit code. JSON holds the first error only."""
    errors = [(report.error, report.organization) for report in reports if report.error is not None]
    codes = [
        report_failure(error, as_json=as_json, organization=name) for error, name in errors[: 1 if as_json else None]
    ]
    return exit_codes.of_all(codes) if codes else exit_codes.INTERRUPTED


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and Ctrl-C set; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: int) -> None:
        if stop.is_set():
            if sys.stderr.isatty():
                print(_SHOW_CURSOR, end="", file=sys.stderr, flush=True)
            # Ended by the signal itself, so that the parent process sees which one it was.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        print(
            "penstock: stopping: finishing or parking changes; a second signal quits now",
            file=sys.stderr,
            flush=True,
        )
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number)
    return stop
