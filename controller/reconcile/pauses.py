"""Unfinished deliveries that block new ones: paused for a decision, or left open in a suspended organisation."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from controller.delivery.result import RecoveryResult, SyncResult
from controller.domain.desired import Organization, SyncMode
from controller.domain.errors.delivery import DeliveryPaused, SyncSuspended
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.health import paused_reason
from controller.reconcile.pass_ import Held, Mode
from controller.reconcile.services import Services
from controller.store.records import StepRecord, SyncRecord

LOOK_S = 60.0
"""Seconds until a paused delivery is read again."""


def may_write(organization: Organization) -> bool:
    """Whether a pass may change the organisation; a person's command always may."""
    return not organization.suspended and organization.sync.mode is not SyncMode.OBSERVE


def refuse_unfinished(services: Services, organization: Organization) -> None:
    """Raise SyncSuspended where a delivery to a suspended organisation is unfinished; it names the open changes."""
    unfinished = [sync for sync in services.store.journal.unfinished(organization.name) if sync.writes_on]
    if not unfinished:
        return
    why = "the organisation is suspended" if organization.suspended else "sync.mode is observe"
    lift = "take spec.suspend out of its manifest" if organization.suspended else "set sync.mode to auto or manual"
    raise SyncSuspended(
        f"{organization.name}: {why}, and a delivery that was begun is left as it is: "
        + "; ".join(map(_open, unfinished)),
        hint=f"{lift}, and the next pass finishes it; or roll single flows back with `penstock rollback`",
    )


def _open(sync: SyncRecord) -> str:
    open_steps = [f"{step.flow} is {step.state.value}" for step in sync.steps if not step.state.final]
    return f"delivery {sync.id} ({', '.join(open_steps) or 'to be recorded'})"


def undecided(organization: Organization, found: RecoveryResult) -> DeliveryPaused | None:
    """The refusal of new work while a gate cannot decide, because nothing may build on an unproven version."""
    if not found.paused:
        return None
    lines = (f"{step.change.flow} ({step.change.key}) {step.version}: {step.paused}" for step in found.paused)
    return _paused(organization, lines, found.paused[0].change.flow)


def paused_before(services: Services, organization: Organization) -> DeliveryPaused | None:
    """The same refusal from the journal alone, for a plan. Raises StoreFailed."""
    unfinished = (step for sync in services.store.journal.unfinished(organization.name) for step in sync.steps)
    steps = [
        step
        for step in unfinished
        if paused_reason(step) and services.store.approvals.promotion(organization.name, step.id) is None
    ]
    if not steps:
        return None
    lines = (f"{step.flow} ({step.key}) {step.live_version}: {paused_reason(step)}" for step in steps)
    return _paused(organization, lines, steps[0].flow)


def _paused(organization: Organization, lines: Iterable[str], flow: str) -> DeliveryPaused:
    return DeliveryPaused(
        f"{organization.name}: paused, and nothing else is delivered meanwhile: {'; '.join(lines)}",
        retry_after_s=LOOK_S,
        hint=f"`penstock accept {flow}` lets it stay, `penstock rollback {flow}` takes it back; "
        "every pass looks again, and more executions or a gate that can be asked again decide by themselves",
    )


def give_up(held: Held) -> dict[FlowKey, str]:
    """For a rollback: the flow that a person gives up during its delivery, with the reason.

    Its content is quarantined first, because the next pass would try it again otherwise.
    """
    request, organization = held.request, held.organization
    if request.mode is not Mode.ROLLBACK:
        return {}
    try:
        key = chosen_flow(request.flow or "", organization.flows)
    except SettingsInvalid:
        return {}  # raised again once the organisation is read: the flow may exist there
    if not any(step.state.unjudged for step in unfinished_steps(held.services, organization, key)):
        return {}
    reason = f"{request.actor} asked for what was live before"
    wanted = next(flow.wanted for flow in organization.flows if flow.key == key)
    held.services.store.quarantines.add(organization.name, key, wanted, reason)
    return {key: reason}


def ended_by_person(found: RecoveryResult, given_up: Collection[FlowKey]) -> SyncResult | None:
    """The delivery that ended because a person gave it up."""
    ended = [sync for sync in found.syncs if any(step.change.key in given_up for step in sync.steps)]
    return ended[-1] if ended else None


def unfinished_steps(services: Services, organization: Organization, key: FlowKey) -> list[StepRecord]:
    """The flow's steps of unfinished deliveries."""
    found = services.store.journal.unfinished(organization.name)
    return [step for sync in found for step in sync.steps if step.key == key]
