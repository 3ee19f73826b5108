"""The steps up to a held lease, recovery and delivery: each takes the stages that it needs and returns the next.

`loop` runs them in order. `plan_steps` holds the steps that observe and plan, `records` those that commit.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from controller.delivery.result import StepResult, SyncResult
from controller.domain.errors import DeliveryPaused, DirtyTree, PenstockError, Unpushed
from controller.domain.platform import Priority
from controller.domain.wording import counted
from controller.planning.model import Plan
from controller.reconcile import ownership, pauses
from controller.reconcile.pass_ import CheckedOut, Held, Located, Mode, Pass, Source
from controller.reconcile.records import keep_draft, prepare_records
from controller.reconcile.workspace import Workspace


async def checkout(source: Source) -> Workspace:
    """Read the revision's manifests."""
    return await source()


async def attribute(start: Pass, workspace: Workspace) -> CheckedOut:
    """Find the author of the commit, unless the pass neither delivers nor notes anything."""
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
    )


async def follow(out: CheckedOut) -> PenstockError | None:
    """Why the revision may not be delivered: the followed branch does not hold it. Raises BranchGone in any pass."""
    repository = out.workspace.repository
    if out.request.mode in (Mode.RECOVER, Mode.ROLLBACK):
        await asyncio.to_thread(repository.require_followed)
        return None
    return await asyncio.to_thread(repository.not_to_deliver, out.workspace.revision)


async def refuse_uncommitted(out: CheckedOut, unpushed: PenstockError | None) -> None:
    """Raise what keeps `apply` from delivering this revision: it is not pushed, or files are not committed."""
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
        organization=organization,
        platform=platform,
        identity=identity,
        kept_as=services.store.bindings.kept_as(organization.name, identity),
    )


async def acquire(at: Located, stack: AsyncExitStack) -> Held:
    """Become the organisation's only writer until the stack is closed."""
    lease = await stack.enter_async_context(ownership.held_lease(at.services, at.identity, at.request))
    return Held(
        request=at.request,
        services=at.services,
        listener=at.listener,
        stopping=at.stopping,
        workspace=at.workspace,
        author=at.author,
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
