"""Edits flows. A checkout or a save takes the lock until the flow is checked in, reverted or unlocked."""

from __future__ import annotations

from datetime import datetime

from controller.simulator.content import empty
from controller.simulator.flow import Action, Actor, Lock, SimulatedDraft, SimulatedFlow, Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, conflict
from controller.simulator.settings import SecondCheckout


def refuse_when_locked(flow: SimulatedFlow, actor: Actor) -> None:
    """Raise 409 while another actor holds the lock."""
    lock = flow.lock_of_others(actor)
    if lock:
        raise _locked(flow, lock)


def refuse_second_checkout(organization: SimulatedOrganization, flow: SimulatedFlow) -> None:
    """Raise 409 while any actor holds the lock, its holder included, unless the settings allow a second checkout.

    Genesys' Terraform provider relies on this refusal of the holder to detect a locked flow.
    """
    if flow.lock and organization.settings.second_checkout is SecondCheckout.CONFLICT:
        raise _locked(flow, flow.lock)


def _locked(flow: SimulatedFlow, lock: Lock) -> ApiError:
    kind = "user" if lock.holder.person else "client"
    message = f"Flow '{flow.name}' is locked by {kind} '{lock.holder.name}'."
    return conflict(message, code="general.resource.conflict", entity=flow.entity)


def check_out(organization: SimulatedOrganization, flow: SimulatedFlow, actor: Actor, now: datetime) -> None:
    """Take the lock; a repetition changes nothing. Raises 409 when another actor holds it."""
    refuse_when_locked(flow, actor)
    if flow.lock is None:
        flow.lock = Lock(actor, now)
    organization.operation(flow, Action.CHECKOUT, actor, now).ended_at = now
    organization.record(flow, Action.CHECKOUT, actor, now)


def save(
    organization: SimulatedOrganization, flow: SimulatedFlow, text: str, actor: Actor, now: datetime
) -> SimulatedDraft:
    """Save a draft, which locks the flow. Raises 409 when another actor holds the lock."""
    refuse_when_locked(flow, actor)
    flow.lock = flow.lock or Lock(actor, now)
    flow.draft = SimulatedDraft(f"saved_version_{organization.next_id('draft')}", text, now, actor)
    organization.record(flow, Action.SAVE, actor, now, flow.draft.id)
    return flow.draft


def check_in(organization: SimulatedOrganization, flow: SimulatedFlow, actor: Actor, now: datetime) -> Version:
    """Create the next version from the draft or the latest version, and release the lock. Raises 409."""
    refuse_when_locked(flow, actor)
    if flow.lock is None and flow.draft is None:
        raise conflict(f"Flow '{flow.name}' is not checked out.", entity=flow.entity)
    text = flow.draft.text if flow.draft else flow.latest.text if flow.latest else empty(flow.key)
    flow.draft = flow.lock = None
    return organization.add_version(flow, text, actor, now)


def revert(organization: SimulatedOrganization, flow: SimulatedFlow, actor: Actor, now: datetime) -> None:
    """Drop the draft and release the lock. Raises 409 when another actor holds it."""
    refuse_when_locked(flow, actor)
    flow.draft = flow.lock = None
    organization.operation(flow, Action.REVERT, actor, now).ended_at = now
    organization.record(flow, Action.REVERT, actor, now)


def unlock(organization: SimulatedOrganization, flow: SimulatedFlow, actor: Actor, now: datetime) -> None:
    """Release the lock of any actor. A draft is checked in as a new version, as Genesys' help centre warns."""
    draft = flow.draft
    flow.draft = flow.lock = None
    organization.operation(flow, Action.UNLOCK, actor, now).ended_at = now
    if draft:
        organization.add_version(flow, draft.text, actor, now)
    organization.record(flow, Action.UNLOCK, actor, now)
