"""Run the changes of a sync: each as soon as its own dependencies are done, a bounded number at a time.

Flows that consume each other form a group: they are delivered one after the other, but validated and rolled back
together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from controller.delivery.change_run import ChangeRun
from controller.delivery.change_runner import ChangeRunner
from controller.delivery.exporting import ExportTurns
from controller.delivery.journal_entries import DESTRUCTIVE
from controller.delivery.outcome import announce_migration, deserves_quarantine, harmless, quarantine
from controller.delivery.signals import Parked
from controller.delivery.slots import Slots
from controller.delivery.sync_run import SyncRun
from controller.delivery.validation import validate
from controller.domain.desired import OnFailure
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.change import OutOfBandChange
from controller.domain.errors.delivery import LeaseLost
from controller.domain.errors.process import StoreFailed
from controller.domain.status import StepCause, StepState
from controller.graphs.components import strongly_connected
from controller.planning.model import ChangeKind

_UNKNOWN_S = 10.0
"""How long a publish counts where nothing is known: only its relation to other publishes matters."""
_SHUTDOWN = "the controller was told to stop before it began"


class Scheduler:
    """One run over the changes of a sync.

    Waves play no part. A dependency that comes later in the order (in a cycle) is not waited for, so that no change can
    wait for itself. Removals come last, one after the other, and not at all once something failed.

    Of the changes that could begin, the one goes first from which the longest chain of publishes leads to the end of
    the sync, by the expected times: the critical path (Kelley and Walker, 1959,
    https://doi.org/10.1145/1460299.1460318).
    """

    def __init__(self, sync: SyncRun) -> None:
        self._sync = sync
        # Sorting is stable: removals move to the end, and the rest keeps the order of the plan.
        self._runs = sorted(sync.runs, key=lambda run: run.change.kind in DESTRUCTIVE)
        self._done = {run.change.flow: asyncio.Event() for run in self._runs}
        self._needed = _dependencies(self._runs)
        self._ranks = _times_to_the_end(self._runs, self._needed)
        self._concurrency = sync.concurrency
        self._slots = Slots(sync.concurrency)
        self._groups = _groups_of(self._runs)
        self._exports: dict[str, asyncio.Task[None]] = {}
        self._turns = ExportTurns(sync.signals, len(self._runs), sync.settings.export_flows)
        self._halted = self._failed = False

    async def run(self) -> None:
        """Run until no change can continue. Raises LeaseLost and StoreFailed, alone or in a group."""
        async with asyncio.TaskGroup() as group:
            before: list[ChangeRun] = []
            for run in self._runs:
                removing = run.change.kind in DESTRUCTIVE
                awaited = before if removing else self._needed[run.change.flow]
                group.create_task(self._one(group, run, awaited), name=f"change {run.change.flow}")
                # A removal waits for all changes before it: through the removal before it, where there is one.
                if removing:
                    before = [run]
                else:
                    before.append(run)

    async def resume(self, parked: Iterable[ChangeRun]) -> None:
        """Resume changes that waited for a rollback which did not concern them. Raises as `run` does."""
        async with asyncio.TaskGroup() as group:
            for run in parked:
                group.create_task(self._carry_out(run), name=f"change {run.change.flow}")

    async def export_the_rest(self) -> None:
        """Export healthy changes that were not exported because of a rollback. Raises as `run` does."""
        async with asyncio.TaskGroup() as group:
            for run in self._runs:
                begun = self._exports.get(run.change.flow)
                if begun is None or begun.cancelled():
                    group.create_task(self._export(run), name=f"export {run.change.flow}")

    async def _one(self, group: asyncio.TaskGroup, run: ChangeRun, awaited: Sequence[ChangeRun]) -> None:
        for other in awaited:
            await self._done[other.change.flow].wait()
        async with self._slots.slot(self._ranks[run.change.flow]):
            await self._validate_group(run)
            why_not = self._why_not(run)
            if why_not is None:
                with self._noting_failures(run):
                    await ChangeRunner(run).to_healthy()
                    self._concurrency.succeeded()
            else:
                run.advance(StepState.SKIPPED, reason=why_not, cause=_interrupted(run))
        run.ended_at = self._sync.clock.monotonic()
        self._failed = self._failed or run.error is not None
        # After a skip or a failure as well: the changes that wait for it decide by its state.
        self._done[run.change.flow].set()
        self._turns.ended()
        # Other changes do not wait for the export: a healthy version can be built on, or rolled back.
        if not self._sync.signals.aborting:
            export = group.create_task(self._export(run), name=f"export {run.change.flow}")
            self._exports[run.change.flow] = export

    async def _export(self, run: ChangeRun) -> None:
        if run.state is StepState.HEALTHY:
            await self._turns.wait()
            begun = self._sync.clock.monotonic()
            await ChangeRunner(run).export()
            # The wait for other exports is no part of the change.
            run.ended_at = (run.ended_at or begun) + self._sync.clock.monotonic() - begun

    async def _validate_group(self, run: ChangeRun) -> None:
        """Validate the other changes of a cycle before its first one begins, so that an invalid one fails at once."""
        group = self._groups.get(run.change.flow, ())
        if not group or run is not group[0] or run.state is not StepState.PENDING or self._sync.signals.halted:
            return
        for other in group[1:]:
            if other.state is not StepState.PENDING or other.change.blocked is not None:
                continue
            try:
                await _validate_ahead(other)
            except Parked:
                return
            except (LeaseLost, StoreFailed):
                raise
            except PenstockError as error:
                self._fail(other, error)

    def _why_not(self, run: ChangeRun) -> str | None:
        """Why a pending change is skipped; a change that has begun always continues."""
        if run.state is not StepState.PENDING:
            return None
        if run.change.blocked is not None:
            return f"{run.change.blocked.code}: {run.change.blocked.message}"
        for other in self._groups.get(run.change.flow, ()):
            if other.state is StepState.FAILED:
                return f"it is deployed as one with {other.change.flow}, which failed"
        for other in self._needed[run.change.flow]:
            if (gap := _not_there(other)) is not None:
                return f"it depends on {other.change.flow}, {gap}"
        if self._sync.signals.stopping:
            run.skipped_for_shutdown = True
            return _SHUTDOWN
        if self._sync.signals.aborting or self._halted:
            return "another change of this sync failed before it began"
        if run.change.kind in DESTRUCTIVE and self._failed:
            return "nothing is removed while another change of this sync fails"
        return None

    async def _carry_out(self, run: ChangeRun) -> None:
        with self._noting_failures(run):
            await ChangeRunner(run).to_healthy()

    @contextmanager
    def _noting_failures(self, run: ChangeRun) -> Iterator[None]:
        """Begin the change; park it, or let it fail, for what the body raises. Passes LeaseLost and StoreFailed on."""
        run.began_at = self._sync.clock.monotonic()
        run.parked = False
        try:
            yield
        except Parked:
            self._leave(run)
        except (LeaseLost, StoreFailed):
            raise
        except PenstockError as error:
            self._fail(run, error)

    def _leave(self, run: ChangeRun) -> None:
        if run.state.not_started and self._sync.signals.stopping:
            run.skipped_for_shutdown = True
            run.advance(StepState.SKIPPED, reason=_SHUTDOWN, cause=_interrupted(run))
        else:
            run.park()

    def _fail(self, run: ChangeRun, error: PenstockError) -> None:
        sync = self._sync
        run.error = error

        def also() -> None:
            if deserves_quarantine(error) and run.change.kind not in DESTRUCTIVE:
                quarantine(run, error.message)
            if run.change.kind is not ChangeKind.ADOPT:
                announce_migration(run, error)

        run.advance(StepState.FAILED, also, reason=f"{error.code}: {error.message}", error_code=error.code)
        if harmless(run):
            return
        policy = OnFailure(sync.record.on_failure)
        if policy is OnFailure.ROLLBACK_ALL and run.change.kind not in DESTRUCTIVE:
            sync.signals.abort()
            # The versions go back, and an export would delay that.
            for export in self._exports.values():
                export.cancel()
        self._halted = self._halted or policy is not OnFailure.ROLLBACK_FLOW


def _dependencies(runs: Sequence[ChangeRun]) -> dict[str, list[ChangeRun]]:
    """By flow the changes that come before it and that it depends on."""
    earlier: dict[str, ChangeRun] = {}
    needed: dict[str, list[ChangeRun]] = {}
    for run in runs:
        needed[run.change.flow] = [earlier[flow] for flow in run.change.depends_on if flow in earlier]
        earlier[run.change.flow] = run
    return needed


def _times_to_the_end(runs: Sequence[ChangeRun], needed: Mapping[str, Sequence[ChangeRun]]) -> dict[str, float]:
    """By flow how long its own publish and the longest chain of those behind it are expected to take, in seconds."""
    behind = dict.fromkeys((run.change.flow for run in runs), 0.0)
    for run in reversed(runs):
        expected = run.expectation
        behind[run.change.flow] += _UNKNOWN_S if expected is None else expected.expected_s
        for other in needed[run.change.flow]:
            behind[other.change.flow] = max(behind[other.change.flow], behind[run.change.flow])
    return behind


def _interrupted(run: ChangeRun) -> StepCause | None:
    return StepCause.INTERRUPTED if run.skipped_for_shutdown else None


def _not_there(other: ChangeRun) -> str | None:
    """Why a dependent change cannot be built on this one; None where its version is live and healthy."""
    if isinstance(other.error, OutOfBandChange):
        return f"and {other.error.found} of it was published out of band"
    return None if other.state.delivered else f"which is {other.state.value}"


def _groups_of(runs: Iterable[ChangeRun]) -> dict[str, tuple[ChangeRun, ...]]:
    """The cycles among these changes, by `flow`: each with all changes of its cycle, in deployment order."""
    by_key = {run.key: run for run in runs if run.change.kind not in DESTRUCTIVE}
    consumed = {key: run.record.consumes for key, run in by_key.items()}
    found: dict[str, tuple[ChangeRun, ...]] = {}
    for component in strongly_connected(list(by_key), consumed):
        if len(component) > 1:
            members = tuple(by_key[key] for key in component)
            found |= {run.change.flow: members for run in members}
    return found


def with_groups(chosen: Sequence[ChangeRun], runs: Sequence[ChangeRun]) -> list[ChangeRun]:
    """The chosen changes and all others of their cycles, in deployment order."""
    groups = _groups_of(runs)
    wanted = {id(other) for run in chosen for other in (run, *groups.get(run.change.flow, ()))}
    return [run for run in runs if id(run) in wanted]


async def _validate_ahead(run: ChangeRun) -> None:
    """Validate an existing version before anything of its cycle is published. Raises as `validate` does.

    The organisation validates a file while it publishes it.
    """
    target = run.record.target_version
    if run.record.source_digest is None and run.flow_id is not None and target is not None:
        await validate(run, run.flow_id, target)
