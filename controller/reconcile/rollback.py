"""A rollback at a person's request: one flow, back to an earlier version.

Git stays authoritative: the manifest's desired state is quarantined first, so that no controller restores it before git
changes, and the report names the commit to revert.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from controller.delivery.result import Outcome, StepResult, SyncResult
from controller.domain.desired import DesiredFlow, SourceFile
from controller.domain.errors.change import FlowLocked, NoSuchVersion
from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority
from controller.domain.status import StepState
from controller.planning.block import locked
from controller.planning.model import Change, ChangeKind
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.listing import confirmed, listed
from controller.reconcile.pass_ import Held, Observed
from controller.reconcile.steps import read_record
from controller.store.records import StepRecord


async def look(held: Held) -> Observed:
    """Read the record and the listing with priority, without the details that only a plan needs."""
    recorded, platform, now = await read_record(held), held.platform, held.services.clock.now()
    live = listed(await platform.at(Priority.ROLLBACK).flows.listing(fresh=True), now)
    said, flows = held.request.flow, held.organization.flows
    asked = {flow.key for flow in flows if said in (flow.id, str(flow.key), flow.key.name)}
    concerned = replace(recorded, flows={key: record for key, record in recorded.flows.items() if key in asked})
    found = await confirmed(platform, concerned, live.flows, now, priority=Priority.ROLLBACK)
    return Observed(recorded, replace(live, flows=found))


async def bring_back(held: Held, observed: Observed) -> tuple[SyncResult, Sequence[StepResult]]:
    """Roll the flow back; returns the result and the steps to record.

    Raises NoSuchVersion if there is no earlier version, SettingsInvalid for an unknown flow, and FlowLocked if another
    person holds the flow and policy is to fail.

    A flow that is rolled back already stays as it is; only a named version leads further back.
    """
    flow, live = _target_flow(held, observed)
    earlier = _deliveries(held, flow.key)
    back = _rolled_back_by(live, earlier) if held.request.version is None else None
    if back is not None:
        return _answer(held, observed, flow, live, back), ()
    _must_be_free(held, flow, live)
    known = [info.version for info in await held.platform.at(Priority.ROLLBACK).versions.of(live.id)]
    version = held.request.version or _version_before(flow, live, earlier, known)
    _must_exist(flow, live, version, known)
    reason = f"{held.request.actor} asked for {version}"
    delivered = held.services.store.journal.delivered(held.request.organization, flow.key, version)
    asked_for = flow.wanted in (version, delivered and delivered.source_digest)
    _settle_wanted(held, flow, reason, asked_for=asked_for)
    change = _change(observed, flow, live, version, reason, delivered)
    result = await held.delivery().roll_back_to(held.organization, change, version, held.lease, held.sync_context())
    notes = (*(() if asked_for else await _asked_in(held, flow)), *_left_behind(held, observed, flow, live))
    done = [step for step in result.steps if step.state is StepState.ROLLED_BACK]
    return replace(result, steps=tuple(_with_notes(step, live, notes) for step in result.steps)), done


def _target_flow(held: Held, observed: Observed) -> tuple[DesiredFlow, LiveFlow]:
    organization, flows, said = held.organization, observed.live.flows, held.request.flow or ""
    try:
        key = chosen_flow(said, organization.flows)
    except SettingsInvalid:
        unmanaged = chosen_flow(said, organization.flows, flows.values())
        raise SettingsInvalid(
            f"no manifest names {unmanaged}, so it is left alone",
            hint="publish the version that you want in Architect, or bring the flow under git first: penstock import",
        ) from None
    flow = next(each for each in organization.flows if each.key == key)
    live = flows.get(key)
    if live is None or live.published_version is None:
        raise NoSuchVersion(
            f"{flow.id} ({key}) is not live, so there is nothing to roll back",
            hint="`penstock plan` shows what would publish it",
        )
    return flow, live


def _must_be_free(held: Held, flow: DesiredFlow, live: LiveFlow) -> None:
    """Raise FlowLocked at once, because a person on call must not wait for a lock."""
    organization = held.organization
    blocked = locked(flow.key, live, organization, held.services.client_id(organization))
    if blocked is not None and live.locked_by is not None:
        raise FlowLocked(
            f"{flow.id}: {blocked.message}",
            holder=live.locked_by.name,
            hint="nothing was changed; roll back again once it is free",
        )


def _deliveries(held: Held, key: FlowKey) -> list[StepRecord]:
    """The deliveries of this flow, newest first."""
    history = held.services.store.journal.history(held.request.organization, limit=1000)
    return [step for sync in history for step in reversed(sync.steps) if step.key == key]


def _rolled_back_by(live: LiveFlow, earlier: list[StepRecord]) -> StepRecord | None:
    """The rollback that made the live version live; None after a delivery or without a journal entry."""
    made = next((step for step in earlier if step.live_version == live.published_version), None)
    return made if made is not None and made.state is StepState.ROLLED_BACK else None


def _answer(held: Held, observed: Observed, flow: DesiredFlow, live: LiveFlow, back: StepRecord) -> SyncResult:
    """The result of an earlier rollback to the live version. The desired state stays quarantined."""
    version = live.published_version or ""
    delivered = held.services.store.journal.delivered(held.request.organization, flow.key, version)
    if flow.wanted not in (version, delivered and delivered.source_digest):
        _keep_away(held, flow, f"{held.request.actor} asked for {version}")
    notes = f"{version} is live already, rolled back by sync {back.sync_id}"
    step = StepResult(
        change=_change(observed, flow, live, version, notes, delivered),
        state=StepState.ROLLED_BACK,
        step_id=back.id,
        flow_id=live.id,
        version=version,
        previous_version=version,
        source_digest=delivered.source_digest if delivered else None,
        messages=(notes, "name a version with --to to go further back"),
        recorded=True,
    )
    now = held.services.clock.now()
    return SyncResult(back.sync_id, held.request.organization, Outcome.ROLLED_BACK, (step,), now, now)


def _keep_away(held: Held, flow: DesiredFlow, reason: str) -> None:
    quarantines, organization = held.services.store.quarantines, held.request.organization
    if not any((each.key, each.wanted) == (flow.key, flow.wanted) for each in quarantines.active(organization)):
        quarantines.add(organization, flow.key, flow.wanted, reason)


def _version_before(flow: DesiredFlow, live: LiveFlow, earlier: list[StepRecord], known: Sequence[str]) -> str:
    """The version before the delivery of the live one."""
    for step in earlier:
        # A rollback's step has its target as previous and as live version: it does not lead further back.
        if step.live_version == live.published_version and step.previous_version not in (None, step.live_version):
            return str(step.previous_version)
    others = [version for version in known if version != live.published_version]
    raise NoSuchVersion(
        f"{flow.id}: this controller does not know what was live before {live.published_version}",
        hint=f"name the version with --to: {_shown(others)}" if others else "the flow has no other version",
    )


def _must_exist(flow: DesiredFlow, live: LiveFlow, version: str, known: Sequence[str]) -> None:
    if version == live.published_version:
        raise SettingsInvalid(f"{flow.id}: {version} is live already", hint=f"{flow.id} has {_shown(known)}")
    if version not in known:
        raise NoSuchVersion(f"{flow.id} ({flow.key}) has no version {version}", hint=f"it has {_shown(known)}")


def _shown(versions: Sequence[str]) -> str:
    return ", ".join(versions[:10]) or "none"


def _settle_wanted(held: Held, flow: DesiredFlow, reason: str, *, asked_for: bool) -> None:
    """Quarantine the desired state, or release it if the rollback leads to it."""
    quarantines, organization = held.services.store.quarantines, held.request.organization
    if asked_for:
        quarantines.release(organization, flow.key, by=held.request.actor, wanted=flow.wanted)
    else:
        quarantines.add(organization, flow.key, flow.wanted, reason)


async def _asked_in(held: Held, flow: DesiredFlow) -> tuple[str, ...]:
    """The commit that changed the flow's files last, as a message; empty if git does not know it."""
    workspace = held.workspace
    files = [flow.origin.file, *([flow.source.file] if isinstance(flow.source, SourceFile) else [])]
    try:
        commit = await asyncio.to_thread(workspace.repository.last_change, workspace.revision, files)
    except RepositoryFailed:
        return ()
    return (f"{' and '.join(files)} changed last in commit {commit}",) if commit else ()


def _left_behind(held: Held, observed: Observed, flow: DesiredFlow, live: LiveFlow) -> tuple[str, ...]:
    """A message about callers that keep the module's version from their publish, even after its rollback."""
    recorded = observed.recorded.flows
    callers = [
        each.id
        for each in held.organization.flows
        if each.key in recorded and recorded[each.key].consumed.get(flow.key) == live.published_version
    ]
    if flow.key.type not in held.organization.binding_types or not callers:
        return ()
    keep = f"{', '.join(callers)} {'keeps' if len(callers) == 1 else 'keep'} {live.published_version} of it"
    return (f"{keep} until published again: the next pass or `penstock apply` does that, save for pinned versions",)


def _with_notes(step: StepResult, live: LiveFlow, notes: tuple[str, ...]) -> StepResult:
    """The step with the version before the request, and the remaining work. The journal has the target."""
    done = step.state is StepState.ROLLED_BACK
    return replace(
        step, previous_version=live.published_version, messages=(*step.messages, *notes) if done else step.messages
    )


def _change(
    observed: Observed, flow: DesiredFlow, live: LiveFlow, version: str, reason: str, delivered: StepRecord | None
) -> Change:
    """The change back to the version; `delivered` is the step that delivered it, if known."""
    recorded = observed.recorded.flows.get(flow.key)
    consumed = tuple(recorded.consumed) if recorded else ()
    known = recorded.dependency_digest if recorded and recorded.version == version else ""
    return Change(
        flow=flow.id,
        key=flow.key,
        kind=ChangeKind.SWITCH,
        flow_id=live.id,
        from_version=live.published_version,
        to_version=version,
        reason=reason,
        wave=1,
        dependency_digest=delivered.dependency_digest if delivered else known,
        consumes=delivered.consumes if delivered else consumed,
        desired=flow,
    )
