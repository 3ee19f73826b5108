"""What git tells a pass besides what is wanted: whether the revision may be delivered, and where the records are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping

from controller.domain.errors import Unpushed
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.recorded import RecordedState
from controller.planning import Authored
from controller.reconcile.health import is_authored
from controller.reconcile.pass_ import Mode, Pass, have


async def refuse_unpushed(pass_: Pass) -> None:
    """Raise Unpushed for a delivery that the followed branch does not hold, and BranchGone in any pass.

    Where the branch is gone nothing tells any more what is wanted.
    """
    workspace, request = have(pass_.workspace), pass_.request
    if request.mode in (Mode.RECOVER, Mode.ROLLBACK):
        await asyncio.to_thread(workspace.repository.require_followed)
        return
    pass_.unpushed = await asyncio.to_thread(workspace.repository.not_to_deliver, workspace.revision)
    lifted = request.allow_unpushed and isinstance(pass_.unpushed, Unpushed)
    if request.mode is Mode.APPLY and pass_.unpushed is not None and not lifted:
        raise pass_.unpushed


def remind_of_branches(pass_: Pass) -> None:
    """Tell the repository which branches the store knows, so that one that is gone is not taken for a new one."""
    repository = have(pass_.workspace).repository
    for branch, sha in pass_.services.store.known_branches.of(pass_.request.organization).items():
        repository.note(branch, sha)


async def begin_records(pass_: Pass, permit: Callable[[], None]) -> None:
    """Bring the record over where it was kept on the followed branch before, and remember where it is now."""
    organization, known = have(pass_.organization), pass_.services.store.known_branches
    begin = have(pass_.workspace).repository.begin_records
    tip = await asyncio.to_thread(begin, organization.name, organization.artifacts, permit)
    if tip is not None and organization.artifacts.branch not in known.of(organization.name):
        known.note(organization.name, organization.artifacts.branch, tip)


def authored(pass_: Pass, live: Mapping[FlowKey, LiveFlow]) -> tuple[Authored, ...]:
    """The live versions that the journal knows as our own deliveries, made after what git has recorded."""
    latest, recorded = pass_.services.store.journal.latest(pass_.kept_as), have(pass_.recorded).flows
    return tuple(
        Authored(key, published)
        for key, record in sorted(recorded.items())
        if (found := live.get(key))
        and (published := found.published_version)
        and is_authored(published, record.recorded_at, latest.get(key))
    )


async def former_names(pass_: Pass) -> tuple[str, ...]:
    """Of each record of this organisation under a name that no manifest has, what it is and what to do with it."""
    workspace, organization = have(pass_.workspace), have(pass_.organization)
    states = await asyncio.to_thread(workspace.repository.recorded_states, organization.artifacts)
    names = {each.name for each in workspace.desired.organizations}
    others = [state for state in states if state.organization not in names]
    organization_id, live = have(pass_.identity).organization_id, have(pass_.live).flows
    policy = organization.artifacts
    return tuple(
        f"{policy.path}/{state.organization}/ on {policy.branch} is the record of this very organisation under the "
        f"name {state.organization!r}, and is not read for {organization.name!r}. Where the organisation was renamed, "
        f"give it its old name back to keep the record, or remove that folder from {policy.branch} once it is not "
        "needed any more"
        for state in _of_same(others, organization_id, live.values())
    )


def _of_same(
    states: Collection[RecordedState], organization_id: str | None, live: Collection[LiveFlow]
) -> Iterator[RecordedState]:
    """By the organisation's id; where one of the two is not known, by a flow's id, type and name."""
    there = {(flow.id, flow.key) for flow in live}
    for state in states:
        if organization_id is not None and state.organization_id is not None:
            if state.organization_id == organization_id:
                yield state
        elif any((flow.flow_id, key) in there for key, flow in state.flows.items()):
            yield state
