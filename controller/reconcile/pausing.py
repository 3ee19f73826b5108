"""Deliveries that wait for a person, because a gate could not decide; and what the person can say."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from controller.delivery import RecoveryResult, SyncResult
from controller.domain.desired import Organization
from controller.domain.errors import DeliveryPaused, SettingsInvalid
from controller.domain.identity import FlowKey
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.health import paused_reason
from controller.reconcile.pass_ import Mode, Pass, have
from controller.reconcile.services import Services
from controller.store import AuditEntry, StepRecord

LOOK_S = 60.0
"""How long until what is paused is looked at again."""


def undecided(organization: Organization, found: RecoveryResult) -> DeliveryPaused | None:
    """What stands against anything new where a gate still cannot decide: nothing is built on what is not proven."""
    if not found.paused:
        return None
    told = (f"{step.change.flow} ({step.change.key}) {step.version}: {step.paused}" for step in found.paused)
    return _paused(organization, told, found.paused[0].change.flow)


def paused_before(services: Services, organization: Organization) -> DeliveryPaused | None:
    """The same as the journal tells it, for a look that decides nothing. Raises StoreFailed."""
    unfinished = (step for sync in services.store.journal.unfinished(organization.name) for step in sync.steps)
    steps = [
        step
        for step in unfinished
        if paused_reason(step) and services.store.approvals.promotion(organization.name, step.id) is None
    ]
    if not steps:
        return None
    told = (f"{step.flow} ({step.key}) {step.live_version}: {paused_reason(step)}" for step in steps)
    return _paused(organization, told, steps[0].flow)


def _paused(organization: Organization, told: Iterable[str], flow: str) -> DeliveryPaused:
    return DeliveryPaused(
        f"{organization.name}: paused, and nothing else is delivered meanwhile: {'; '.join(told)}",
        retry_after_s=LOOK_S,
        hint=f"`penstock accept {flow}` lets it stay, `penstock rollback {flow}` takes it back; "
        "every pass looks again, and more executions or a gate that can be asked again decide by themselves",
    )


def accept_paused(services: Services, organization: Organization, said: str, *, by: str) -> StepRecord:
    """Let the paused version of a flow stay; the next pass goes on. Raises SettingsInvalid when nothing is paused."""
    key = chosen_flow(said, organization.flows)
    step = next((step for step in _unfinished(services, organization, key) if paused_reason(step)), None)
    if step is None:
        raise SettingsInvalid(
            f"{organization.name}: no delivery of {key} waits for a decision",
            hint="`penstock status` shows what is paused",
        )
    services.store.approvals.promote(organization.name, step.id, by=by)
    entry = AuditEntry(organization.name, "promote", "success", by, str(key), step.live_version)
    services.store.audit.append(entry)
    return step


def give_up(pass_: Pass) -> dict[FlowKey, str]:
    """What a person wants to have back that is on its way or watched still, with the reason; for a rollback only.

    Its wish is quarantined first, or the next pass would try it again.
    """
    request, organization = pass_.request, have(pass_.organization)
    if request.mode is not Mode.ROLLBACK:
        return {}
    try:
        key = chosen_flow(request.flow or "", organization.flows)
    except SettingsInvalid:
        return {}  # told once the organisation was looked at, which may know the flow
    if not any(step.state.unjudged for step in _unfinished(pass_.services, organization, key)):
        return {}
    reason = f"{request.actor} asked for what was live before"
    wanted = next(flow.wanted for flow in organization.flows if flow.key == key)
    pass_.services.store.quarantines.add(organization.name, key, wanted, reason)
    return {key: reason}


def taken_back(found: RecoveryResult, given_up: Collection[FlowKey]) -> SyncResult | None:
    """The delivery that ended because a person gave it up."""
    ended = [sync for sync in found.syncs if any(step.change.key in given_up for step in sync.steps)]
    return ended[-1] if ended else None


def _unfinished(services: Services, organization: Organization, key: FlowKey) -> list[StepRecord]:
    found = services.store.journal.unfinished(organization.name)
    return [step for sync in found for step in sync.steps if step.key == key]
