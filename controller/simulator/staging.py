"""Publishes in stages, as the versioned dialect does: one deployment of a flow at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.simulator.definition import ERROR, findings
from controller.simulator.flow import (
    AT_ONCE,
    Action,
    Actor,
    OperationProblem,
    RolloutStage,
    RolloutStatus,
    SimulatedFlow,
    SimulatedRollout,
    Version,
)
from controller.simulator.locking import refuse_when_locked
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request, rejected
from controller.simulator.publishing import Mishap, go_live, refuse_when_busy

ROLLOUT = "rollout"
"""The effect's name in the agenda."""


@dataclass(frozen=True, slots=True)
class Order:
    """The parameters of a publish."""

    actor: Actor
    stages: tuple[RolloutStage, ...] = AT_ONCE
    """Durations as requested, before the time scale of the settings."""
    staged: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    dependency_hash: str | None = None
    mishap: Mishap | None = None


def begin(
    organization: SimulatedOrganization, flow: SimulatedFlow, version: Version, order: Order, now: datetime
) -> SimulatedRollout:
    """Queue a publish. An unstaged publish of the version that a staged rollout replaces cancels that rollout.

    Raises 409 while anything else runs or another actor holds the lock, 400 for an archived version.
    """
    refuse_when_locked(flow, order.actor)
    if version.archived:
        raise bad_request(f"Version '{version.id}' of flow '{flow.name}' is archived.", code="flow.version.archived")
    running = flow.rollout
    if running and running.staged and not order.staged and version.id == running.replaces:
        cancel(organization, flow, now, f"Version '{version.id}' was published again.")
    refuse_when_busy(flow)
    rollout = _rollout(organization, flow, version, order, now)
    flow.rollouts.append(rollout)
    organization.operation(flow, Action.PUBLISH, order.actor, now).version = version.id
    # All stages are scheduled at once: time passes only when a request settles what is due.
    for moment in rollout.boundaries():
        organization.schedule(moment, ROLLOUT, flow.id)
    organization.changed(flow)
    return rollout


def _rollout(
    organization: SimulatedOrganization, flow: SimulatedFlow, version: Version, order: Order, now: datetime
) -> SimulatedRollout:
    settings = organization.settings
    begins_at = now + timedelta(seconds=settings.duration_s(settings.queue_s))
    live = flow.published.id if flow.published else None
    mishap = order.mishap or Mishap()
    return SimulatedRollout(
        organization.next_id("publish"),
        version.id,
        order.actor,
        now,
        begins_at,
        begins_at + timedelta(seconds=settings.duration_s(settings.publish_s)),
        tuple(RolloutStage(one.percentage, settings.duration_s(one.duration_s)) for one in order.stages),
        order.staged,
        replaces=live,
        live=live,
        metadata=order.metadata,
        dependency_hash=order.dependency_hash,
        problems=[mishap.problem] if mishap.problem else [],
        silent=mishap.silent,
        lands_on=mishap.version,
    )


def advance(organization: SimulatedOrganization, flow_id: str, now: datetime) -> None:
    """Advance the flow's rollout through the stages that are due by now, or to its end."""
    flow = organization.state.flows[flow_id]
    while (rollout := flow.rollout) and (due := _next(rollout)) <= now:
        live = flow.published.id if flow.published else None
        # Another version went live: the rollout cannot go on from a version that it does not know.
        if flow.deleted or live != rollout.live:
            cancel(organization, flow, due, f"Version '{live}' was published meanwhile.")
        elif rollout.stage is None:
            _prepared(organization, flow, rollout, due)
        elif rollout.stage + 1 < len(rollout.stages):
            _enter(organization, flow, rollout, rollout.stage + 1, due)
        else:
            _end(organization, flow, RolloutStatus.COMPLETED, due)


def cancel(organization: SimulatedOrganization, flow: SimulatedFlow, now: datetime, reason: str) -> None:
    """Cancel the flow's rollout. The live version stays live and gets all traffic again."""
    rollout = flow.rollout
    if rollout:
        rollout.problems = [OperationProblem("flow.publish.cancelled", reason)]
        _end(organization, flow, RolloutStatus.CANCELLED, now)


def switch(
    organization: SimulatedOrganization,
    flow: SimulatedFlow,
    version: Version,
    actor: Actor,
    now: datetime,
    mishap: Mishap | None = None,
) -> Version:
    """Make a published version live at once, with its old bindings. Returns the version that is live now.

    Raises 409 while anything runs or another actor holds the lock, 400 for a draft or an archived version.
    """
    refuse_when_locked(flow, actor)
    refuse_when_busy(flow)
    if version.status in ("draft", "archived"):
        raise bad_request(
            f"Version '{version.id}' of flow '{flow.name}' is {version.status} and cannot be routed to.",
            code="flow.version.not.published",
        )
    mishap = mishap or Mishap()
    if mishap.problem:
        raise rejected(mishap.problem, flow.entity)
    if mishap.silent or flow.published is version:
        return version
    target = (mishap.version and flow.version(mishap.version)) or version
    if flow.published is not target:
        bindings = target.bindings
        go_live(organization, flow, target, actor, now)
        target.bindings = bindings
    return target


def of_version(flow: SimulatedFlow, version: Version) -> SimulatedRollout:
    """The last publish of a version. Raises 404 if there was none."""
    for rollout in reversed(flow.rollouts):
        if rollout.version == version.id:
            return rollout
    message = f"Version '{version.id}' of flow '{flow.name}' was never asked to be published."
    raise ApiError(404, "not.found", message, entity=flow.entity)


def _next(rollout: SimulatedRollout) -> datetime:
    return list(rollout.boundaries())[0 if rollout.stage is None else rollout.stage + 1]


def _prepared(
    organization: SimulatedOrganization, flow: SimulatedFlow, rollout: SimulatedRollout, now: datetime
) -> None:
    """Begin the first stage, unless the version cannot be published."""
    text = organization.version(flow, rollout.version).text
    if not rollout.problems:
        found = findings(organization, flow.key, text)
        rollout.problems = [OperationProblem(one.id, one.message) for one in found if one.severity == ERROR]
    if rollout.problems:
        _end(organization, flow, RolloutStatus.FAILED, now)
    else:
        _enter(organization, flow, rollout, 0, now)


def _enter(
    organization: SimulatedOrganization, flow: SimulatedFlow, rollout: SimulatedRollout, stage: int, now: datetime
) -> None:
    rollout.stage = stage
    if rollout.stages[stage].percentage >= 100 and not rollout.silent:
        version = flow.version(rollout.lands_on or rollout.version) or organization.version(flow, rollout.version)
        rollout.live = version.id
        go_live(organization, flow, version, rollout.actor, now)
    else:
        organization.changed(flow)


def _end(organization: SimulatedOrganization, flow: SimulatedFlow, outcome: RolloutStatus, now: datetime) -> None:
    rollout = flow.rollout
    if rollout is None:
        return
    rollout.outcome, rollout.ended_at = outcome, now
    if flow.operation:
        flow.operation.ended_at = now
        flow.operation.problem = rollout.problems[0] if rollout.problems else None
    organization.changed(flow)
