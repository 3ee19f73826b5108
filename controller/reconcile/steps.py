"""The steps of a pass up to delivery: each takes the stages that it needs and returns the next.

`loop` runs them in order; `records` holds the steps that commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

from controller.delivery.result import StepResult, SyncResult
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import DeliveryPaused, PlanStale
from controller.domain.errors.repository import DirtyTree, Unpushed
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority
from controller.domain.recorded import RecordedState
from controller.domain.wording import counted
from controller.planning.guard import guard
from controller.planning.inputs import PlanInputs, Quarantine
from controller.planning.model import Plan
from controller.planning.plan import make_plan
from controller.reconcile import ownership, pauses
from controller.reconcile.drift import note_drift
from controller.reconcile.listing import Listing, list_organization
from controller.reconcile.observe import observe_organization
from controller.reconcile.own_deliveries import authored, own_versions, under_way, unrecorded
from controller.reconcile.pass_ import CheckedOut, Held, Located, Mode, Observed, Pass, Source
from controller.reconcile.records import keep_draft, prepare_records
from controller.reconcile.resources import plan_with_resources
from controller.reconcile.workspace import Workspace, unverified
from controller.repository.branches import Look


async def checkout(source: Source) -> Workspace:
    """Read the revision's manifests."""
    return await source()


async def attribute(start: Pass, workspace: Workspace) -> CheckedOut:
    """Find the author of the commit, unless the pass neither delivers nor notes anything, and read the branches."""
    author = None
    if start.request.mode is not Mode.PLAN or start.request.watches:
        author = await asyncio.to_thread(workspace.repository.author, workspace.revision)
    return CheckedOut(
        request=start.request,
        services=start.services,
        listener=start.listener,
        stopping=start.stopping,
        workspace=workspace,
        author=author,
        look=await read_branches(workspace, start.request.organization),
    )


async def read_branches(workspace: Workspace, organization: str) -> Look:
    """The followed branch, and that of the organisation's records; raises GitRemoteFailed."""
    branches = (each.artifacts.branch for each in workspace.desired.organizations if each.name == organization)
    return await asyncio.to_thread(workspace.repository.look, next(branches, None))


async def follow(out: CheckedOut) -> PenstockError | None:
    """Why the revision may not be delivered: the followed branch does not hold it, or no signer vouches for it.

    Raises BranchGone in any pass.
    """
    repository = out.workspace.repository
    if out.request.mode in (Mode.RECOVER, Mode.ROLLBACK):
        await asyncio.to_thread(repository.require_followed, out.look)
        return None
    unpushed = await asyncio.to_thread(repository.not_to_deliver, out.workspace.revision, out.look)
    # Before the other: --allow-unpushed lifts that one only.
    return await asyncio.to_thread(unverified, out.workspace, out.services.settings) or unpushed


async def refuse_uncommitted(out: CheckedOut, unpushed: PenstockError | None) -> None:
    """Raise what keeps `apply` from delivering this revision: not pushed, not verified, or files not committed."""
    request, dirty = out.request, out.workspace.dirty
    if request.mode is not Mode.APPLY:
        return
    if unpushed is not None and not (request.allow_unpushed and isinstance(unpushed, Unpushed)):
        raise unpushed
    if dirty and not request.allow_dirty:
        shown = ", ".join(dirty[:5]) + (", …" if len(dirty) > 5 else "")
        raise DirtyTree(
            f"the working tree has {counted(len(dirty), 'uncommitted change')}: {shown}",
            hint="commit them, or pass --allow-dirty",
        )


async def locate(out: CheckedOut) -> Located:
    """Find the organisation among the manifests, connect to it, and determine its identity."""
    services = out.services
    organization = out.workspace.organization(out.request.organization)
    # A branch that the store knows and the remote has lost is not taken for a new one.
    for branch, sha in services.store.known_branches.of(out.request.organization).items():
        out.workspace.repository.note(branch, sha)
    await services.read_credentials(organization)
    platform = services.platform(organization)
    priority = Priority.ROLLBACK if out.request.mode is Mode.ROLLBACK else Priority.OBSERVE
    identity = await ownership.identify(services, organization, platform, priority)
    return Located(
        request=out.request,
        services=services,
        listener=out.listener,
        stopping=out.stopping,
        workspace=out.workspace,
        author=out.author,
        look=out.look,
        organization=organization,
        platform=platform,
        identity=identity,
        kept_as=services.store.bindings.kept_as(organization.name, identity),
    )


async def acquire(at: Located, stack: AsyncExitStack) -> Held:
    """Become the organisation's only writer until the stack is closed."""
    lease = await stack.enter_async_context(ownership.held_lease(at.services, at.identity, at.request))
    # Until a moment ago another controller may have held the lease, and have moved the branch of the records.
    look = at.look if lease.undisturbed else await read_branches(at.workspace, at.organization.name)
    return Held(
        request=at.request,
        services=at.services,
        listener=at.listener,
        stopping=at.stopping,
        workspace=at.workspace,
        author=at.author,
        look=look,
        organization=at.organization,
        platform=at.platform,
        identity=at.services.identity(at.organization),
        kept_as=at.request.organization,
        lease=lease,
    )


@dataclass(frozen=True, slots=True)
class Recovery:
    """The results of unfinished syncs of earlier processes."""

    steps: tuple[str, ...] = ()
    """Messages, each with the state of a step."""
    to_record: tuple[StepResult, ...] = ()
    result: SyncResult | None = None
    """The sync that a person gave up, in a rollback."""
    undecided: DeliveryPaused | None = None
    """Why nothing new may be delivered: a gate of an earlier sync cannot decide."""


async def recover(held: Held) -> Recovery | None:
    """Finish the syncs of earlier processes; None if nothing may be written. Raises SyncSuspended."""
    await prepare_records(held)
    if held.request.mode is not Mode.ROLLBACK and not pauses.may_write(held.organization):
        pauses.refuse_unfinished(held.services, held.organization)
        return None
    given_up = pauses.give_up(held)
    found = await held.delivery().recover(
        held.organization,
        held.lease,
        keep_draft=partial(keep_draft, held),
        given_up=given_up,
        asked_by=held.request.actor if given_up else None,
    )
    return Recovery(
        steps=tuple(f"{step.change.flow}: {step.state.value}" for sync in found.syncs for step in sync.steps),
        to_record=tuple(found.to_record),
        result=pauses.ended_by_person(found, given_up),
        undecided=pauses.undecided(held.organization, found),
    )


async def refuse_unsettled(held: Held, recovery: Recovery) -> None:
    """Raise DeliveryPaused if the mode is recovery only, and DeliveryUnfinished for a delivery under another name."""
    if recovery.undecided is not None and held.request.mode is Mode.RECOVER:
        raise recovery.undecided
    ownership.refuse_other_names(held.services, held.identity, held.request.organization)


async def deliver(held: Held, plan: Plan) -> SyncResult | None:
    """Carry the plan out; None if every change is blocked, so that the history shows no empty sync."""
    if all(change.blocked for change in plan.actions):
        return None
    return await held.delivery().deliver(
        held.organization, plan, held.lease, held.sync_context(), keep_draft=partial(keep_draft, held)
    )


async def observe(at: Located, *, full: bool) -> Observed:
    """Read the recorded state from git and the live state from the organisation."""
    return await observe_listed(at, await list_flows(at, full=full))


async def list_flows(at: Located, *, full: bool) -> Listing:
    """Read the record and list the flows; unless `full`, from the last look and what was published since."""
    recorded, looks, client = await read_record(at), at.services.looks, at.identity.by_client
    look = await (looks.full(client, at.platform) if full else looks.recent(client, at.platform))
    return await list_organization(at.services, at.platform, recorded, look)


async def observe_listed(at: Located, listing: Listing) -> Observed:
    """Read what the plan of this desired state needs beyond a listing."""
    recorded, latest = listing.recorded, at.services.store.journal.latest(at.kept_as)

    def own(flows: Mapping[FlowKey, LiveFlow]) -> set[FlowKey]:
        return own_versions(at, recorded, latest, flows)

    live = await observe_organization(listing, at.organization, own, at.listener)
    return Observed(recorded, live, listing.look, latest)


async def read_record(at: Located) -> RecordedState:
    """The recorded state; empty if the record belongs to another organisation."""
    repository, organization = at.workspace.repository, at.organization
    state = await asyncio.to_thread(repository.recorded_state, organization.name, organization.artifacts, at.look)
    return state.of(at.identity.organization_id)


async def plan(at: Located, observed: Observed) -> Plan:
    """Compare the three states."""
    active = () if at.request.retry else at.services.store.quarantines.active(at.kept_as)
    inputs = PlanInputs(
        revision=at.workspace.revision,
        quarantines=tuple(Quarantine(each.key, each.wanted, each.reason) for each in active),
        unrecorded=unrecorded(at, observed.latest, observed.live.flows),
        authored=authored(observed.recorded, observed.latest, observed.live.flows),
        former=await _former_names(at, observed.live.flows.values()),
        under_way=under_way(at),
        organization_id=at.identity.organization_id,
        client_name=at.services.client_id(at.organization),
        binds_at_publish=at.organization.binding_types,
    )
    make = at.services.plans.plan if at.request.watches else make_plan
    return await plan_with_resources(
        at, observed.live, lambda live: make(at.organization, live, observed.recorded, inputs)
    )


async def present(at: Located, observed: Observed, made: Plan, undecided: DeliveryPaused | None) -> None:
    """Record drift and show the plan. Raises PlanStale if it differs from the plan that the person saw."""
    if at.request.mode is Mode.APPLY or at.request.watches:
        note_drift(at, observed, made)
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
    said, suspension = held.request.confirmations, held.services.store.suspensions.of(made.organization)
    if held.services.store.approvals.of(made.organization, made.digest) is not None:
        said = replace(said, approved_digest=made.digest)
    return guard(made, held.organization, held.services.clock.now(), said, suspension)


async def _former_names(at: Located, live: Collection[LiveFlow]) -> tuple[str, ...]:
    """A warning for each record of this organisation under a name without a manifest."""
    policy = at.organization.artifacts
    names = {each.name for each in at.workspace.desired.organizations}
    others = await asyncio.to_thread(at.workspace.repository.recorded_states, policy, names)
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
