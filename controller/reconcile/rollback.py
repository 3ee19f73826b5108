"""A rollback that a person asks for: one flow, back to a version that it had.

Git stays the truth: what the manifest asks for is quarantined first, so that no controller brings it back before git
changes, and the report tells which commit to revert.
"""

from __future__ import annotations

from dataclasses import replace

from controller.domain.desired import DesiredFlow
from controller.domain.errors import NoSuchVersion, SettingsInvalid
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.status import StepState
from controller.planning import Change, ChangeKind
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.pass_ import Pass, have
from controller.reconcile.steps import delivery_of, record_steps, sync_context
from controller.store import StepRecord


async def bring_back(pass_: Pass) -> None:
    """The step. Raises NoSuchVersion when there is nothing to go back to, SettingsInvalid for an unknown flow."""
    if pass_.result is not None and pass_.request.version is None:
        return  # it was watched still, and its delivery is taken back already
    flow, live = _target_flow(pass_)
    earlier = _deliveries(pass_, flow.key)
    version = pass_.request.version or _version_before(flow, live, earlier)
    await _must_exist(pass_, flow, live, version)
    reason = f"{pass_.request.actor} asked for {version}"
    pass_.services.store.quarantines.add(pass_.request.organization, flow.key, flow.wanted, reason)
    change = _change(pass_, flow, live, version, reason)
    pass_.result = await delivery_of(pass_).roll_back_to(
        have(pass_.organization), change, version, have(pass_.lease), sync_context(pass_)
    )
    done = [
        replace(step, source_digest=_source_of(version, earlier))
        for step in pass_.result.steps
        if step.state is StepState.ROLLED_BACK
    ]
    await record_steps(pass_, done, f"{pass_.request.organization}-{pass_.result.sync_id}")


def _target_flow(pass_: Pass) -> tuple[DesiredFlow, LiveFlow]:
    organization, flows = have(pass_.organization), have(pass_.live).flows
    key = chosen_flow(pass_.request.flow or "", organization.flows)
    flow = next(each for each in organization.flows if each.key == key)
    live = flows.get(key)
    if live is None or live.published_version is None:
        raise NoSuchVersion(f"{flow.id} ({key}) is not live, so there is nothing to roll back")
    return flow, live


def _deliveries(pass_: Pass, key: FlowKey) -> list[StepRecord]:
    """What was delivered of this flow, newest first."""
    history = pass_.services.store.journal.history(pass_.request.organization, limit=1000)
    return [step for sync in history for step in reversed(sync.steps) if step.key == key]


def _version_before(flow: DesiredFlow, live: LiveFlow, earlier: list[StepRecord]) -> str:
    """What was live before the delivery that brought the version which is live now."""
    for step in earlier:
        if step.live_version == live.published_version and step.previous_version not in (None, step.live_version):
            return str(step.previous_version)
    raise NoSuchVersion(
        f"{flow.id}: this controller does not know what was live before {live.published_version}",
        hint="name the version: --to VERSION",
    )


async def _must_exist(pass_: Pass, flow: DesiredFlow, live: LiveFlow, version: str) -> None:
    if version == live.published_version:
        raise SettingsInvalid(f"{flow.id}: {version} is live already")
    known = [info.version for info in await have(pass_.platform).versions(live.id)]
    if version not in known:
        shown = ", ".join(known[:10]) or "none"
        raise NoSuchVersion(f"{flow.id} ({flow.key}) has no version {version}", hint=f"it has {shown}")


def _change(pass_: Pass, flow: DesiredFlow, live: LiveFlow, version: str, reason: str) -> Change:
    recorded = have(pass_.recorded).flows.get(flow.key)
    return Change(
        flow=flow.id,
        key=flow.key,
        kind=ChangeKind.SWITCH,
        flow_id=live.id,
        from_version=live.published_version,
        to_version=version,
        reason=reason,
        wave=1,
        dependency_digest=recorded.dependency_digest if recorded else "",
        consumes=tuple(recorded.consumed) if recorded else (),
        desired=flow,
    )


def _source_of(version: str, earlier: list[StepRecord]) -> str | None:
    """The source that an earlier delivery made this version from, so that a revert in git finds it in place."""
    return next((step.source_digest for step in earlier if step.live_version == version and step.source_digest), None)
