"""The steps of a pass, each a small function over the pass; `loop` runs them in order.

`checkout → load → identify → acquire → recover → observe → plan → guard → deliver → record`. A plan takes the first
three, observe and plan, and holds no lease. What a delivery that failed has brought about is recorded all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from controller.delivery import Delivery, StepResult, SyncContext
from controller.domain.errors import DirtyTree, PlanStale
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Export, Priority
from controller.domain.recorded import RecordedState
from controller.domain.status import StepState
from controller.domain.wording import counted
from controller.planning import Change, PlanInputs, Quarantine, Unrecorded, guard, make_plan
from controller.reconcile.about_to_change import about_to_change
from controller.reconcile.acquire import at_work
from controller.reconcile.artifacts import artifact_commit, draft_commit
from controller.reconcile.auditing import note_delivered, note_drift, note_pushed, recorded
from controller.reconcile.binding import refuse_other_names
from controller.reconcile.git_state import authored, begin_records, former_names, refuse_unpushed, remind_of_branches
from controller.reconcile.health import is_unrecorded
from controller.reconcile.identity import identify as identity_of
from controller.reconcile.lease import held_lease
from controller.reconcile.observe import observe as observe_organization
from controller.reconcile.pass_ import Mode, Pass, have
from controller.reconcile.pausing import give_up, taken_back, undecided
from controller.reconcile.suspension import may_write, refuse_unfinished

Step = Callable[[Pass], Awaitable[None]]


async def checkout(pass_: Pass) -> None:
    """Bring the revision's files to the disk, and look whether the branch that is followed is there and holds it."""
    pass_.workspace = await pass_.source()
    if pass_.request.mode is not Mode.PLAN or pass_.request.watches:
        pass_.author = await asyncio.to_thread(pass_.workspace.repository.author, pass_.workspace.revision)
    await refuse_unpushed(pass_)
    if pass_.request.mode is Mode.APPLY and pass_.workspace.dirty and not pass_.request.allow_dirty:
        shown = ", ".join(pass_.workspace.dirty[:5]) + (", …" if len(pass_.workspace.dirty) > 5 else "")
        raise DirtyTree(
            f"the working tree has {counted(len(pass_.workspace.dirty), 'uncommitted change')}: {shown}",
            hint="commit them, or pass --allow-dirty",
        )


async def load(pass_: Pass) -> None:
    """Find the organisation among the manifests and the connection to it."""
    pass_.organization = have(pass_.workspace).organization(pass_.request.organization)
    remind_of_branches(pass_)
    await pass_.services.read_credentials(pass_.organization)
    pass_.platform = pass_.services.platform(pass_.organization)


async def identify(pass_: Pass) -> None:
    """Find out which organisation it is, and where its history is kept: its name may have stood for another one."""
    organization = have(pass_.organization)
    priority = Priority.ROLLBACK if pass_.request.mode is Mode.ROLLBACK else Priority.OBSERVE
    pass_.identity = await identity_of(pass_.services, organization, have(pass_.platform), priority)
    pass_.kept_as = pass_.services.store.bindings.kept_as(organization.name, pass_.identity)


async def acquire(pass_: Pass) -> None:
    """Become the organisation's one writer until the pass ends."""
    lease = held_lease(pass_.services, have(pass_.identity), pass_.request)
    pass_.lease = await pass_.stack.enter_async_context(lease)
    pass_.identity = pass_.services.identity(have(pass_.organization))
    pass_.kept_as = pass_.request.organization


async def recover(pass_: Pass) -> None:
    """Resolve what an earlier process left unfinished, before anything new begins."""
    repository = have(pass_.workspace).repository
    await begin_records(pass_, _permit(pass_))
    note_pushed(pass_, await asyncio.to_thread(repository.flush_pending, _permit(pass_)))
    if pass_.request.mode is not Mode.ROLLBACK and not may_write(have(pass_.organization)):
        refuse_unfinished(pass_.services, have(pass_.organization))
        return
    given_up = give_up(pass_)
    found = await delivery_of(pass_).recover(
        have(pass_.organization),
        have(pass_.lease),
        keep_draft=partial(_keep_draft, pass_),
        given_up=given_up,
        asked_by=pass_.request.actor if given_up else None,
    )
    pass_.recovered = tuple(f"{step.change.flow}: {step.state.value}" for sync in found.syncs for step in sync.steps)
    await record_steps(pass_, found.to_record, "recovery")
    pass_.result = taken_back(found, given_up)
    pass_.undecided = undecided(have(pass_.organization), found)
    if pass_.undecided is not None and pass_.request.mode is Mode.RECOVER:
        raise pass_.undecided
    refuse_other_names(pass_.services, have(pass_.identity), pass_.request.organization)


async def observe(pass_: Pass) -> None:
    """Read the recorded state from git and the live state from the organisation."""
    pass_.live = await observe_organization(
        pass_.services,
        have(pass_.platform),
        have(pass_.organization),
        await read_record(pass_),
        lambda flows: _own(pass_, flows),
        pass_.listener.looked,
    )


async def plan(pass_: Pass) -> None:
    """Compare the three states."""
    organization = have(pass_.organization)
    active = () if pass_.request.retry else pass_.services.store.quarantines.active(pass_.kept_as)
    quarantines = tuple(Quarantine(each.key, each.wanted, each.reason) for each in active)
    inputs = PlanInputs(
        revision=have(pass_.workspace).revision,
        quarantines=quarantines,
        unrecorded=_unrecorded(pass_, have(pass_.live).flows),
        authored=authored(pass_, have(pass_.live).flows),
        former=await former_names(pass_),
        under_way=about_to_change(pass_.services.store.journal.unfinished(pass_.kept_as)),
        organization_id=have(pass_.identity).organization_id,
        client_name=pass_.services.client_id(organization),
    )
    pass_.plan = make_plan(organization, have(pass_.live), have(pass_.recorded), inputs)
    if pass_.request.mode is Mode.APPLY or pass_.request.watches:
        note_drift(pass_)
    expected = pass_.request.expected_digest
    if expected is not None and expected != pass_.plan.digest and pass_.undecided is None:
        raise PlanStale(
            f"{organization.name}: the plan is {pass_.plan.digest} now, not {expected}",
            hint="look at the new plan and apply that one",
        )
    pass_.listener.planned(pass_.plan)


async def read_record(pass_: Pass) -> RecordedState:
    """The recorded state, which the pass keeps, too; nothing where it is of another organisation."""
    organization = have(pass_.organization)
    repository = have(pass_.workspace).repository
    state = await asyncio.to_thread(repository.recorded_state, organization.name, organization.artifacts)
    pass_.recorded = state.of(have(pass_.identity).organization_id)
    return pass_.recorded


def _own(pass_: Pass, live: Mapping[FlowKey, LiveFlow]) -> set[FlowKey]:
    """The flows that are as a delivery made them, whatever git has recorded."""
    return {each.key for each in _unrecorded(pass_, live)} | {each.key for each in authored(pass_, live)}


def _unrecorded(pass_: Pass, live: Mapping[FlowKey, LiveFlow]) -> tuple[Unrecorded, ...]:
    latest = pass_.services.store.journal.latest(pass_.kept_as)
    others = pass_.lease is None and at_work(pass_.services, have(pass_.identity).key) is not None
    return tuple(
        Unrecorded(key, published, step.wanted)
        for key, step in sorted(latest.items())
        if (found := live.get(key))
        and (published := found.published_version)
        and is_unrecorded(published, step, at_work=others)
    )


async def check(pass_: Pass) -> None:
    """Hold the plan against what is not decided yet, windows, limits and approvals, before the first write."""
    if pass_.undecided is not None:
        raise pass_.undecided
    current, said = have(pass_.plan), pass_.request.confirmations
    if pass_.services.store.approvals.of(current.organization, current.digest) is not None:
        said = replace(said, approved_digest=current.digest)
    pass_.plan = guard(current, have(pass_.organization), pass_.services.clock.now(), said)


async def deliver(pass_: Pass) -> None:
    """Carry the plan out. Where all of it is blocked there is nothing to begin, and no sync to keep in the history."""
    current = have(pass_.plan)
    if all(change.blocked for change in current.actions):
        return
    pass_.result = await delivery_of(pass_).deliver(
        have(pass_.organization),
        current,
        have(pass_.lease),
        sync_context(pass_),
        keep_draft=partial(_keep_draft, pass_),
    )


def sync_context(pass_: Pass) -> SyncContext:
    """Who asked, why, and from which commit."""
    workspace = have(pass_.workspace)
    return SyncContext(
        revision=workspace.revision,
        actor=pass_.actor,
        author=pass_.author,
        trigger=pass_.request.trigger,
        dirty=bool(workspace.dirty),
    )


async def record(pass_: Pass) -> None:
    """Commit what is live now, with its exports, and push it."""
    if pass_.result is None:
        return
    note_delivered(pass_, pass_.result.steps)
    await record_steps(pass_, pass_.result.to_record, f"{pass_.request.organization}-{pass_.result.sync_id}")
    if pass_.commit is not None:
        steps = [
            replace(step, state=StepState.RECORDED) if step.state is StepState.EXPORTED else step
            for step in pass_.result.steps
        ]
        pass_.result = replace(pass_.result, steps=tuple(steps))


async def record_steps(pass_: Pass, steps: Sequence[StepResult], deployment: str) -> None:
    """Commit what these steps made live, and note that it is committed."""
    commit = artifact_commit(
        have(pass_.organization),
        steps,
        organization_id=have(pass_.identity).organization_id,
        store_id=pass_.services.store.known_branches.store_id,
        deployment=deployment,
        now=pass_.services.clock.now(),
    )
    if commit is None:
        return
    pass_.commit = await recorded(pass_, commit, _permit(pass_))
    if pass_.commit.branch is not None and pass_.commit.sha is not None:
        known = pass_.services.store.known_branches
        known.note(pass_.request.organization, pass_.commit.branch, pass_.commit.sha)
    delivery_of(pass_).recorded(have(pass_.lease), steps)


async def _keep_draft(pass_: Pass, change: Change, export: Export) -> None:
    """Commit somebody's draft before its lock is taken away."""
    organization = have(pass_.organization)
    now = pass_.services.clock.now()
    revision = have(pass_.workspace).revision
    commit = draft_commit(organization, change, export, revision=revision, now=now)
    await recorded(pass_, commit, _permit(pass_))


def _permit(pass_: Pass) -> Callable[[], None]:
    """Whoever lost the lease tells nothing to git any more: the next holder records what was made live."""
    lease = have(pass_.lease)
    return lambda: pass_.services.store.leases.require(lease)


def delivery_of(pass_: Pass) -> Delivery:
    """The delivery to this pass' organisation."""
    return Delivery(
        have(pass_.platform),
        pass_.services.store,
        pass_.services.clock,
        pass_.services.delivery_settings(have(pass_.organization)),
        on_event=pass_.listener.progressed,
        stopping=pass_.stopping,
    )


PLAN_STEPS: tuple[Step, ...] = (checkout, load, identify, observe, plan)
RECOVER_STEPS: tuple[Step, ...] = (checkout, load, identify, acquire, recover)
APPLY_STEPS: tuple[Step, ...] = (*RECOVER_STEPS, observe, plan, check, deliver, record)
