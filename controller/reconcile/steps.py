"""The steps of a pass, each a small function over the pass; `loop` runs them in order.

`checkout → load → acquire → recover → observe → plan → guard → deliver → record`. A plan takes the first two, observe
and plan, and holds no lease. What a delivery that failed has brought about is recorded all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from controller.delivery import Delivery, SyncContext
from controller.domain.errors import DirtyTree, PlanStale
from controller.planning import PlanInputs, guard, make_plan
from controller.reconcile.artifacts import artifact_commit, recovered_commit
from controller.reconcile.lease import held_lease
from controller.reconcile.observe import observe as observe_organization
from controller.reconcile.pass_ import Mode, Pass, have

Step = Callable[[Pass], Awaitable[None]]


async def checkout(pass_: Pass) -> None:
    """Bring the revision's files to the disk."""
    pass_.workspace = await pass_.source()
    if pass_.request.mode is Mode.APPLY and pass_.workspace.dirty and not pass_.request.allow_dirty:
        shown = ", ".join(pass_.workspace.dirty[:5]) + (", …" if len(pass_.workspace.dirty) > 5 else "")
        raise DirtyTree(
            f"the working tree has {len(pass_.workspace.dirty)} uncommitted change(s): {shown}",
            hint="commit them, or pass --allow-dirty",
        )


async def load(pass_: Pass) -> None:
    """Find the organisation among the manifests and the connection to it."""
    pass_.organization = have(pass_.workspace).organization(pass_.request.organization)
    pass_.platform = pass_.services.platform(pass_.organization)


async def acquire(pass_: Pass) -> None:
    """Become the organisation's one writer until the pass ends."""
    pass_.lease = await pass_.stack.enter_async_context(held_lease(pass_.services, pass_.request.organization))


async def recover(pass_: Pass) -> None:
    """Resolve what an earlier process left unfinished, before anything new begins."""
    delivery = _delivery(pass_)
    resolved = await delivery.recover(have(pass_.organization), have(pass_.lease))
    have(pass_.workspace).repository.flush_pending()
    commit = recovered_commit(pass_, resolved)
    if commit is not None:
        pass_.commit = have(pass_.workspace).repository.record(commit)
        delivery.recorded(have(pass_.lease), resolved, pass_.commit.sha)
    pass_.recovered = tuple(str(each.message) for each in resolved)


async def observe(pass_: Pass) -> None:
    """Read the recorded state from git and the live state from the organisation."""
    organization = have(pass_.organization)
    pass_.recorded = have(pass_.workspace).repository.recorded_state(organization.name, organization.artifacts)
    pass_.live = await observe_organization(pass_.services, have(pass_.platform), organization, pass_.recorded)


async def plan(pass_: Pass) -> None:
    """Compare the three states."""
    organization = have(pass_.organization)
    quarantines = () if pass_.request.retry else pass_.services.store.quarantines.active(organization.name)
    inputs = PlanInputs(revision=have(pass_.workspace).revision, quarantines=quarantines)
    pass_.plan = make_plan(organization, have(pass_.live), have(pass_.recorded), inputs)
    expected = pass_.request.expected_digest
    if expected is not None and expected != pass_.plan.digest:
        raise PlanStale(
            f"{organization.name}: the plan is {pass_.plan.digest} now, not {expected}",
            hint="look at the new plan and apply that one",
        )
    pass_.listener.planned(pass_.plan)


async def check(pass_: Pass) -> None:
    """Hold the plan against windows, limits and approvals, before the first write."""
    guard(have(pass_.plan), have(pass_.organization), pass_.services.clock.now(), pass_.request.confirmations)


async def deliver(pass_: Pass) -> None:
    """Carry the plan out."""
    current = have(pass_.plan)
    if current.empty:
        return
    workspace = have(pass_.workspace)
    context = SyncContext(
        revision=workspace.revision,
        actor=pass_.request.actor,
        trigger=pass_.request.trigger,
        dirty=bool(workspace.dirty),
    )
    pass_.result = await _delivery(pass_).deliver(have(pass_.organization), current, have(pass_.lease), context)


async def record(pass_: Pass) -> None:
    """Commit what is live now, with its exports, and push it."""
    if pass_.result is None:
        return
    commit = artifact_commit(pass_)
    if commit is None:
        return
    pass_.commit = have(pass_.workspace).repository.record(commit)
    _delivery(pass_).recorded(have(pass_.lease), pass_.result.steps, pass_.commit.sha)


def _delivery(pass_: Pass) -> Delivery:
    return Delivery(
        have(pass_.platform),
        pass_.services.store,
        pass_.services.clock,
        on_event=pass_.listener.progressed,
        redactor=pass_.services.redactor,
        stopping=pass_.stopping,
    )


PLAN_STEPS: tuple[Step, ...] = (checkout, load, observe, plan)
APPLY_STEPS: tuple[Step, ...] = (checkout, load, acquire, recover, observe, plan, check, deliver, record)
