"""Running passes from the command line: opens the services, closes them, and stops politely on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Iterator, Sequence

from controller.domain.clock import SystemClock
from controller.domain.desired import Organization
from controller.domain.errors import SettingsInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.reconcile import Listener, Mode, PassReport, PassRequest, Services, Settings, Workspace, run_pass
from controller.repository import NO_REVISION
from controller.store import Store

_SHOW_CURSOR = "\x1b[?25h"
"""A live table hides it, and a process that is ended at once cannot bring it back later."""


@contextlib.contextmanager
def opened_services(settings: Settings) -> Iterator[Services]:
    """Store and connections of this process, from the operator's settings; the store is closed at the end."""
    clock = SystemClock()
    store = Store.open(
        settings.store,
        clock=clock,
        audit_folder=settings.audit_dir,
        audit_stream=sys.stdout if settings.audit == "stdout" else None,
        audit_days=settings.audit_days,
    )
    try:
        yield Services(settings, store, clock)
    finally:
        store.close()


def only_organization(workspace: Workspace, what: str) -> Organization:
    """The one organisation that the command is for. Raises SettingsInvalid when there are several."""
    organizations = workspace.desired.organizations
    if len(organizations) != 1:
        names = ", ".join(each.name for each in organizations)
        raise SettingsInvalid(f"{what} is for one organisation", hint=f"--organization: {names}")
    return organizations[0]


def tell_uncommitted(workspace: Workspace) -> None:
    """Say on stderr which files were read from the disk because HEAD says something else, or all without git."""
    if not workspace.repository.has_git:
        print("penstock: this folder is in no git repository: its files are read as they are now", file=sys.stderr)
    if workspace.dirty:
        shown = visible(", ".join(workspace.dirty[:5]) + (", …" if len(workspace.dirty) > 5 else ""))
        changes = (
            f"{counted(len(workspace.dirty), 'uncommitted change')} {'is' if len(workspace.dirty) == 1 else 'are'}"
        )
        print(f"penstock: {changes} read, too: {shown}", file=sys.stderr)


def actor() -> str:
    """Who runs the command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def run_passes(
    workspace: Workspace,
    requests: Sequence[PassRequest],
    services: Services,
    listener: Listener | None = None,
) -> list[PassReport]:
    """One pass after the other over the given organisations; closes the connections, not the store.

    The first signal stops, the second kills.
    """
    return asyncio.run(_run_passes(workspace, requests, services, listener))


async def _run_passes(
    workspace: Workspace,
    requests: Sequence[PassRequest],
    services: Services,
    listener: Listener | None,
) -> list[PassReport]:
    # A look writes nothing, so that Ctrl-C may simply end it.
    looks = all(request.mode is Mode.PLAN for request in requests)
    stop = asyncio.Event() if looks else stop_on_signals()

    async def source() -> Workspace:
        return workspace

    try:
        return [
            await run_pass(request, services, source, listener=listener, stopping=stop.is_set) for request in requests
        ]
    finally:
        await services.disconnect()


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and Ctrl-C set; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: int) -> None:
        if stop.is_set():
            if sys.stderr.isatty():
                print(_SHOW_CURSOR, end="", file=sys.stderr, flush=True)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        print(
            "penstock: stopping: what is in flight ends or is parked; once more ends at once",
            file=sys.stderr,
            flush=True,
        )
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number)
    return stop


def shown_revision(revision: str | None) -> str:
    """A commit as people name it."""
    return "no commit" if commit_or_none(revision) is None else f"revision {str(revision)[:12]}"


def commit_or_none(revision: str | None) -> str | None:
    """A commit's id; None where the manifests come from no commit."""
    return None if revision == NO_REVISION else revision
