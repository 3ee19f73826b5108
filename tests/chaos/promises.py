"""What must hold after every pass, whatever happened before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from controller.delivery.result import Outcome
from controller.domain.status import StepState
from controller.reconcile.report import PassReport
from controller.simulator.flow import SimulatedFlow
from controller.store.records import StepRecord, SyncRecord, SyncState, WriteOutcome
from tests.chaos.turmoil import Turmoil
from tests.support.world import ORGANIZATION

CLIENT = "penstock"
OLD_VERSION = frozenset({"publish", "switch"})
FORWARD = OLD_VERSION | {"upload"}


def broken(world: Turmoil, report: PassReport | None = None) -> list[str]:
    """Every promise that does not hold, in words."""
    history = world.services.store.journal.history(ORGANIZATION, limit=1000)
    found = [*world.wrong, *_published_twice(world, history), *_out_of_order(history), *_glossed_over(history)]
    if report is not None:
        found += _not_really_back(world, report, history)
        found += _lost_drafts(history)
    return found


def _published_twice(world: Turmoil, history: list[SyncRecord]) -> Iterator[str]:
    """Each step publishes its flow at most once, and not at all when it was skipped."""
    allowed: Counter[str] = Counter()
    for sync in history:
        for step in sync.steps:
            allowed[str(step.key)] += _may_publish(step)
    for flow in world.simulator.organization.flows(deleted=True):
        made = sum(entry.action.name == "PUBLISH" and entry.actor.id == CLIENT for entry in flow.history)
        if made > allowed[str(flow.key)]:
            yield f"{flow.key} was published {made} times, for {allowed[str(flow.key)]} reasons"


def own_publishes(world: Turmoil) -> int:
    """How many publishes of ours took effect."""
    return sum(
        entry.action.name == "PUBLISH" and entry.actor.id == CLIENT
        for flow in world.simulator.organization.flows(deleted=True)
        for entry in flow.history
    )


def _may_publish(step: StepRecord) -> int:
    """An old version that did not go live when it was asked for may be uploaded anew: once each."""
    actions = {write.action for write in step.writes} if step.state is not StepState.SKIPPED else set()
    forward = bool(actions & OLD_VERSION) + ("upload" in actions)
    back = sum(write.action.startswith(("rollback.", "rebind.")) for write in step.writes)
    return forward + back


def _out_of_order(history: list[SyncRecord]) -> Iterator[str]:
    """Nothing is touched before all that it consumes has been."""
    for sync in history:
        for position, step in enumerate(sync.steps):
            begun = min((write.id for write in step.writes if write.action in FORWARD), default=None)
            for earlier in sync.steps[:position]:
                writes = [write.id for write in earlier.writes if write.action in FORWARD]
                if begun is not None and earlier.key in step.consumes and writes and max(writes) > begun:
                    yield f"sync {sync.id}: {step.flow} was published before {earlier.flow}"


def _glossed_over(history: list[SyncRecord]) -> Iterator[str]:
    """A rollback that failed is never reported as done."""
    for sync in history:
        failed = any(step.state is StepState.ROLLBACK_FAILED for step in sync.steps)
        if failed and not sync.state.open and sync.state is not SyncState.ROLLBACK_FAILED:
            yield f"sync {sync.id} is {sync.state.value}, and a rollback in it failed"


def _lost_drafts(history: list[SyncRecord]) -> Iterator[str]:
    """What was saved under a broken lock is committed before anything is published over it."""
    unkept: dict[str, object] = {}
    for sync in reversed(history):
        for write in sorted((write for step in sync.steps for write in step.writes), key=lambda write: write.id):
            key = str(next(step.key for step in sync.steps if step.id == write.step_id))
            if write.action == "unlock" and write.outcome is WriteOutcome.DONE and write.details["had"]:
                unkept[key] = write.details
            elif write.action == "keep-draft" and write.outcome is WriteOutcome.DONE:
                unkept.pop(key, None)
            elif write.action in FORWARD and key in unkept:
                yield f"sync {sync.id}: {key} was published over a draft that was not kept: {unkept[key]}"


def _not_really_back(world: Turmoil, report: PassReport, history: list[SyncRecord]) -> Iterator[str]:
    """What is reported as rolled back has the content of the version that the journal says it was to lead to."""
    if report.result is None:
        return
    flows = {flow.key: flow for flow in world.flows()}
    recorded = [step for sync in history if sync.id == report.result.sync_id for step in sync.steps]
    leads_to = {step.key: step.previous_version for step in recorded}
    for step in report.result.steps:
        flow = flows.get(step.change.key)
        if step.state is not StepState.ROLLED_BACK or flow is None:
            continue
        target = leads_to[step.change.key]
        if _text(flow, target) != _text(flow, flow.published.id if flow.published else None):
            yield f"{step.change.flow} is reported as rolled back to {target}, and is not"
    if report.delivered and report.result.outcome is not Outcome.SUCCEEDED:
        yield f"{report.result.outcome.value} is reported as delivered"


def _text(flow: SimulatedFlow, version: str | None) -> str | None:
    found = flow.version(version) if version else None
    return found.text if found else None
