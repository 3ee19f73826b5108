"""Publishes a version, which takes time, and unpublishes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.simulator.flow import Action, Actor, OperationProblem, SimulatedFlow, SimulatedOperation, Version
from controller.simulator.locking import check_in, refuse_when_locked
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, conflict, not_found, rejected
from controller.simulator.resolution import bindings, problems
from controller.simulator.settings import UnclearPublish

PUBLISH = "publish"
"""The effect's name in the agenda."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """How an injected fault makes a publish fail."""

    silent: bool = False
    """The publish is accepted, but nothing happens."""
    problem: OperationProblem | None = None
    """The publish fails at its end."""
    version: str | None = None
    """A version other than the requested one goes live."""


def refuse_when_busy(flow: SimulatedFlow) -> None:
    """Raise 409 while an operation runs on the flow."""
    if flow.operation and not flow.operation.complete:
        raise conflict(
            f"Another operation ({flow.operation.action}) is running on flow '{flow.name}'.",
            code="general.resource.conflict",
            entity=flow.entity,
        )


def publish(
    organization: SimulatedOrganization,
    flow: SimulatedFlow,
    version: str | None,
    actor: Actor,
    now: datetime,
    *,
    mishap: Mishap | None = None,
) -> SimulatedOperation:
    """Begin to publish a version, or the latest checked in one. Raises 404, 409."""
    refuse_when_locked(flow, actor)
    refuse_when_busy(flow)
    if version is None:
        chosen = check_in(organization, flow, actor, now) if flow.lock else flow.latest
        if chosen is None:
            raise not_found(f"Flow '{flow.name}' has no version that is checked in.")
    else:
        chosen = flow.version(version)
    mishap = mishap or Mishap()
    behaviour = UnclearPublish.SILENTLY_NOTHING if mishap.silent else _behaviour(organization, flow, chosen)
    if behaviour is UnclearPublish.ERROR:
        problem = OperationProblem(
            "flow.version.invalid", f"Flow '{flow.name}' version '{version}' cannot be published."
        )
        raise rejected(problem, flow.entity)
    if chosen is None or behaviour is UnclearPublish.SILENTLY_NOTHING:
        return SimulatedOperation(organization.next_id("operation"), Action.PUBLISH, actor, now)
    operation = organization.operation(flow, Action.PUBLISH, actor, now)
    operation.version = mishap.version if mishap.version and flow.version(mishap.version) else chosen.id
    operation.problem = mishap.problem
    took_s = organization.settings.duration_s(organization.settings.publish_s)
    organization.schedule(now + timedelta(seconds=took_s), PUBLISH, flow.id)
    organization.changed(flow)
    return operation


def _behaviour(organization: SimulatedOrganization, flow: SimulatedFlow, chosen: Version | None) -> UnclearPublish:
    settings = organization.settings
    if chosen is None:
        works = settings.unknown_version is UnclearPublish.WORKS
        return UnclearPublish.ERROR if works else settings.unknown_version
    if flow.live is not None and chosen.number < flow.live:
        return settings.older_version
    return UnclearPublish.WORKS


def finish_publish(organization: SimulatedOrganization, flow_id: str, now: datetime) -> None:
    """End a publish: the version goes live, or the operation reports why it does not."""
    flow = organization.state.flows[flow_id]
    operation = flow.operation
    if flow.deleted or operation is None or operation.version is None:
        return
    version = organization.version(flow, operation.version)
    if operation.problem is None:
        found = problems(organization, flow.key, version.text)
        operation.problem = found[0] if found else None
    operation.ended_at = now
    if operation.problem is None:
        go_live(organization, flow, version, operation.actor, now)
    else:
        organization.changed(flow)


def go_live(
    organization: SimulatedOrganization, flow: SimulatedFlow, version: Version, actor: Actor, now: datetime
) -> None:
    """Make a version the live one and bind it to the live modules and bots."""
    if flow.published and flow.published is not version:
        flow.published.published_until = now
    version.published_at, version.published_until, version.published_by = now, None, actor
    version.bindings = dict(bindings(organization, version.text))
    flow.live = version.number
    organization.record(flow, Action.PUBLISH, actor, now, version.id)


def deactivate(organization: SimulatedOrganization, flow: SimulatedFlow, actor: Actor, now: datetime) -> None:
    """Unpublish. Raises 409 when another actor holds the lock or an operation runs."""
    refuse_when_locked(flow, actor)
    refuse_when_busy(flow)
    published = flow.published
    if published is None:
        raise ApiError(400, "bad.request", f"Flow '{flow.name}' is not published.", entity=flow.entity)
    published.published_until = now
    flow.live = None
    organization.operation(flow, Action.DEACTIVATE, actor, now).ended_at = now
    organization.record(flow, Action.DEACTIVATE, actor, now, published.id)
