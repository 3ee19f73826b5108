"""One world on the disk, and the processes that act on it: a served simulator and controllers that may be killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from controller.domain.errors.delivery import DeliveryPaused
from controller.genesys.connect import connect
from controller.planning.guard import Confirmations
from controller.reconcile.delivering import open_delivery
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, open_folder
from controller.simulator.faults import Fault
from controller.simulator.serve import serve
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator, StateFile
from controller.simulator.state import SimulatedState
from controller.store.store import Store
from tests.crash.points import Points, WatchedTransport
from tests.support.fast_clock import FastClock
from tests.support.forked import forked
from tests.support.world import ORGANIZATION, SECRET

SPEED = 100.0
SETTINGS = SimulatorSettings(rate_limit_per_minute=100_000, publish_s=80.0, upload_s=20.0)
"""What was begun before a crash still runs when the next process looks, and longer than lost answers are looked for."""
CONFIRMATIONS = Confirmations(force=True, prune=True)

_SECRETS = {"ACME_ID": "penstock", "ACME_SECRET": SECRET, "PENSTOCK_WEBHOOK_SECRET": "penstock-signature"}
LONGEST_PASSES = 4
_LONGEST_S = 300
"""Of the wall, after which a process of the stage counts as hanging."""


@dataclass(frozen=True, slots=True)
class Stage:
    folder: Path
    clock: FastClock

    @classmethod
    def copy_of(cls, template: Path, folder: Path, started_at: datetime) -> Stage:
        """The template's git, store and organisation; its clone follows the copied remote."""
        shutil.copytree(template, folder)
        config = folder / "clone" / ".git" / "config"
        config.write_text(config.read_text().replace(str(template), str(folder)))
        return cls(folder, FastClock.from_now(started_at, SPEED))

    @property
    def state_file(self) -> Path:
        return self.folder / "organization.json"

    def state(self) -> SimulatedState:
        return StateFile(self.state_file).load()

    def simulate(self, faults: Sequence[Mapping[str, object]], settings: Mapping[str, object]) -> tuple[int, int]:
        """Serve the organisation from a process of its own; gives its process id and its port.

        At SIGUSR1 it writes its state and stops.
        """
        reading, writing = os.pipe()

        def run() -> None:
            os.close(reading)
            simulator = Simulator(self.clock, replace(SETTINGS, **settings), state_file=self.state_file)
            simulator.set_faults(*(Fault.model_validate(fault) for fault in faults))
            ready = lambda url: os.write(writing, f"{url.rpartition(':')[2]}\n".encode())  # noqa: E731
            asyncio.run(_serve(simulator, ready))

        process = self._fork(run, "simulator.log")
        os.close(writing)
        with os.fdopen(reading) as told:
            return process, int(told.readline())

    def control(self, port: int, *, die_at: int | None = None, passes: int = 1) -> int:
        """Run a controller in a process of its own to its end; gives its exit code."""
        process = self.start_controller(port, die_at=die_at, passes=passes)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    def start_controller(
        self, port: int, *, die_at: int | None = None, stop_at: frozenset[int] = frozenset(), passes: int = 1
    ) -> int:
        """Start a controller in a process of its own; gives its process id."""
        return self._fork(partial(self._control, port, die_at, stop_at, passes), "controller.log")

    @property
    def labels(self) -> list[str]:
        """The moments that the first controller passed."""
        return (self.folder / "points").read_text().splitlines()

    def announced(self) -> list[tuple[str, str, str]]:
        """`type/name`, action and version of each message for change management, which nobody receives here."""
        with closing(sqlite3.connect(self.folder / "store.db")) as database:
            told = [json.loads(payload)["data"] for (payload,) in database.execute("SELECT payload FROM outbox")]
        return [(each["flow"], each["action"], each["version"]) for each in told]

    @property
    def passes(self) -> list[dict[str, object]]:
        """What the passes of the last controller reported."""
        return json.loads((self.folder / "report.json").read_text())

    def promote_what_is_paused(self) -> bool:
        """What a person does where a launch may or may not have run: let it stay. False when nothing waits for it."""
        if not str(self.passes[-1]["error"]).startswith(DeliveryPaused.code):
            return False
        with Store.open(f"sqlite:///{self.folder / 'store.db'}", clock=self.clock) as store:
            for sync in store.journal.unfinished(ORGANIZATION):
                for step in sync.steps:
                    store.approvals.promote(ORGANIZATION, step.id, by="ada")
        return True

    def _control(self, port: int, die_at: int | None, stop_at: frozenset[int], passes: int) -> None:
        os.environ.update(_SECRETS)
        points = None
        if passes == 1:
            points = Points(self.folder / "points", die_at, stop_at)
            points.watch()
        settings = Settings(
            store=f"sqlite:///{self.folder / 'store.db'}",
            rate_limit=100_000,
            lease_ttl=60_000,
            notifications=False,
            webhook_url="https://127.0.0.1:9/penstock",
        )
        transport = WatchedTransport(port, points)
        with Store.open(settings.store, clock=self.clock) as store:
            services = Services(
                settings, store, self.clock, partial(connect, http=transport), open_delivery=open_delivery
            )
            reports = asyncio.run(_passes(self.folder / "clone", services, passes))
        (self.folder / "report.json").write_text(json.dumps(reports))

    def _fork(self, run: Callable[[], None], log: str) -> int:
        return forked(run, self.folder / log, _LONGEST_S)


async def _serve(simulator: Simulator, ready: Callable[[str], object]) -> None:
    def stand_still() -> None:
        simulator.settle()
        simulator.save()
        os.kill(os.getpid(), signal.SIGSTOP)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, stand_still)
    await serve(simulator, host="127.0.0.1", port=0, ready=ready)


def stop(process: int) -> None:
    """End a simulator politely, so that it writes its state."""
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.002)


async def _passes(clone: Path, services: Services, longest: int) -> list[dict[str, object]]:
    async def source() -> Workspace:
        return open_folder(clone, services.settings)

    reports: list[dict[str, object]] = []
    request = PassRequest(ORGANIZATION, Mode.APPLY, confirmations=CONFIRMATIONS)
    for _ in range(longest):
        report = await run_pass(request, services, source)
        reports.append(_told(report, services.store))
        if reports[-1]["settled"]:
            break
    await services.disconnect()
    return reports


def _told(report: PassReport, store: Store) -> dict[str, object]:
    open_changes = [change.flow for change in report.plan.actions if change.blocked is None] if report.plan else ["?"]
    blocked = [str(change.key) for change in report.plan.actions if change.blocked] if report.plan else []
    unfinished = [step.flow for sync in store.journal.unfinished(ORGANIZATION) for step in sync.steps]
    return {
        "error": None if report.error is None else f"{report.error.code}: {report.error.message}",
        "open": open_changes,
        "blocked": blocked,
        "outcome": None if report.result is None else report.result.outcome.value,
        "unfinished": unfinished,
        "settled": report.error is None and not open_changes and not unfinished,
        "recovered": list(report.recovered),
        "recorded": {str(key): flow.version for key, flow in report.recorded.flows.items()} if report.recorded else {},
        "quarantined": sorted({str(each.key) for each in store.quarantines.active(ORGANIZATION)}),
        "states": [step.state.value for sync in store.journal.history(ORGANIZATION) for step in sync.steps],
    }
