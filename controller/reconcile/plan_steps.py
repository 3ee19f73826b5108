"""The steps of planning: observe the recorded and the live state, plan, present and check the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from controller.domain.errors import DeliveryPaused, PlanStale
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.recorded import RecordedState
from controller.planning.guard import guard
from controller.planning.model import Authored, ChangeKind, Plan, PlanInputs, Quarantine, UnderWay, Unrecorded
from controller.planning.plan import make_plan
from controller.reconcile.drift import note_drift
from controller.reconcile.health import is_authored, is_unrecorded
from controller.reconcile.observe import observe_organization
from controller.reconcile.ownership import at_work
from controller.reconcile.pass_ import Held, Located, Mode, Observed


async def observe(at: Located) -> Observed:
    """Read the recorded state from git and the live state from the organisation."""
    recorded = await read_record(at)

    def own(flows: Mapping[FlowKey, LiveFlow]) -> set[FlowKey]:
        """The flows with a live version of our own delivery, recorded in git or not."""
        unrecorded = {each.key for each in _unrecorded(at, flows)}
        return unrecorded | {each.key for each in _authored(at, recorded, flows)}

    live = await observe_organization(at.services, at.platform, at.organization, recorded, own, at.listener.looked)
    return Observed(recorded, live)


async def read_record(at: Located) -> RecordedState:
    """The recorded state; empty if the record belongs to another organisation."""
    repository, organization = at.workspace.repository, at.organization
    state = await asyncio.to_thread(repository.recorded_state, organization.name, organization.artifacts)
    return state.of(at.identity.organization_id)


async def plan(at: Located, seen: Observed) -> Plan:
    """Compare the three states."""
    active = () if at.request.retry else at.services.store.quarantines.active(at.kept_as)
    inputs = PlanInputs(
        revision=at.workspace.revision,
        quarantines=tuple(Quarantine(each.key, each.wanted, each.reason) for each in active),
        unrecorded=_unrecorded(at, seen.live.flows),
        authored=_authored(at, seen.recorded, seen.live.flows),
        former=await _former_names(at, seen.live.flows.values()),
        under_way=_under_way(at),
        organization_id=at.identity.organization_id,
        client_name=at.services.client_id(at.organization),
    )
    return make_plan(at.organization, seen.live, seen.recorded, inputs)


async def present(at: Located, seen: Observed, made: Plan, undecided: DeliveryPaused | None) -> None:
    """Record drift and show the plan. Raises PlanStale if it differs from the plan that the person saw."""
    if at.request.mode is Mode.APPLY or at.request.watches:
        note_drift(at, seen, made)
    expected = at.request.expected_digest
    # An undecided gate is refused by `check` next, and that says more than a stale plan.
    if expected is not None and expected != made.digest and undecided is None:
        raise PlanStale(
            f"{at.organization.name}: the plan is {made.digest} now, not {expected}",
            hint="look at the new plan and apply that one",
        )
    at.listener.planned(made)


async def check(held: Held, made: Plan, undecided: DeliveryPaused | None) -> Plan:
    """The part of the plan that windows, limits and approvals allow. Raises their refusals, and DeliveryPaused."""
    if undecided is not None:
        raise undecided
    said = held.request.confirmations
    if held.services.store.approvals.of(made.organization, made.digest) is not None:
        said = replace(said, approved_digest=made.digest)
    return guard(made, held.organization, held.services.clock.now(), said)


def _unrecorded(at: Located, live: Mapping[FlowKey, LiveFlow]) -> tuple[Unrecorded, ...]:
    """Live versions from our own deliveries, by the journal, that git does not record yet."""
    latest = at.services.store.journal.latest(at.kept_as)
    # Without the lease another controller may be delivering: the organisation shows that before the journal does.
    others = not isinstance(at, Held) and at_work(at.services, at.identity.key) is not None
    return tuple(
        Unrecorded(key, published, step.wanted)
        for key, step in sorted(latest.items())
        if (found := live.get(key))
        and (published := found.published_version)
        and is_unrecorded(published, step, at_work=others)
    )


def _authored(at: Located, recorded: RecordedState, live: Mapping[FlowKey, LiveFlow]) -> tuple[Authored, ...]:
    """Live versions from our own deliveries, by the journal, that are newer than git's record."""
    latest = at.services.store.journal.latest(at.kept_as)
    return tuple(
        Authored(key, published)
        for key, record in sorted(recorded.flows.items())
        if (found := live.get(key))
        and (published := found.published_version)
        and is_authored(published, record.recorded_at, latest.get(key))
    )


def _under_way(at: Located) -> tuple[UnderWay, ...]:
    """The changes of unfinished syncs that are not live yet, oldest sync first; running or interrupted."""
    return tuple(
        UnderWay(
            flow=step.flow,
            key=step.key,
            kind=ChangeKind(step.kind),
            state=step.state,
            revision=sync.revision,
            from_version=step.previous_version,
            to_version=step.target_version,
        )
        for sync in at.services.store.journal.unfinished(at.kept_as)
        for step in sync.steps
        if step.state.changes_live and step.kind != ChangeKind.ADOPT
    )


async def _former_names(at: Located, live: Collection[LiveFlow]) -> tuple[str, ...]:
    """A warning for each record of this organisation under a name without a manifest."""
    policy = at.organization.artifacts
    states = await asyncio.to_thread(at.workspace.repository.recorded_states, policy)
    names = {each.name for each in at.workspace.desired.organizations}
    others = [state for state in states if state.organization not in names]
    return tuple(
        f"{policy.path}/{state.organization}/ on {policy.branch} is the record of this very organisation under the "
        f"name {state.organization!r}, and is not read for {at.organization.name!r}. Where the organisation was "
        f"renamed, give it its old name back to keep the record, or remove that folder from {policy.branch} once it "
        "is not needed any more"
        for state in _of_same(others, at.identity.organization_id, live)
    )


def _of_same(
    states: Collection[RecordedState], organization_id: str | None, live: Collection[LiveFlow]
) -> Iterator[RecordedState]:
    """The states of the same organisation, by its id; if an id is unknown, by a flow's id, type and name."""
    there = {(flow.id, flow.key) for flow in live}
    for state in states:
        if organization_id is not None and state.organization_id is not None:
            if state.organization_id == organization_id:
                yield state
        elif any((flow.flow_id, key) in there for key, flow in state.flows.items()):
            yield state
