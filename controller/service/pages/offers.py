"""What a page offers to those who may operate: a link to the form of each action that makes sense now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from controller.domain.page_addresses import organization_address, with_query
from controller.questions.live_document import FlowDocument, OrganizationStateDocument


@dataclass(frozen=True, slots=True)
class Offer:
    """An action and the address of its form."""

    text: str
    address: str


def action_address(organization: str, verb: str, **about: str | None) -> str:
    """The address of an action's form."""
    return with_query(organization_address(organization, "actions", verb), about)


def organization_offers(state: OrganizationStateDocument) -> tuple[Offer, ...]:
    """The actions on an organisation."""
    return tuple(_organization_offers(state))


def _organization_offers(state: OrganizationStateDocument) -> Iterator[Offer]:
    name = state.name
    yield Offer("Sync", action_address(name, "sync", digest=state.plan_digest))
    if any(each.code == _NOT_CONFIRMED for each in state.held_back) and state.plan_digest is not None:
        yield Offer("Approve the plan", action_address(name, "approve", digest=state.plan_digest))
    if state.suspended is None:
        yield Offer("Suspend", action_address(name, "suspend"))
    else:
        yield Offer("Resume", action_address(name, "resume"))


def ways_out(state: OrganizationStateDocument, *, operates: bool) -> dict[str, Offer]:
    """Where a refusal is lifted, by its code: a page, or the form of an action for those who may operate."""
    found = dict.fromkeys(_ABOUT_THE_PLAN, Offer("Plan", organization_address(state.name, "plan")))
    if operates and state.suspended is not None:
        found["sync-suspended"] = Offer("Resume", action_address(state.name, "resume"))
    return found


_NOT_CONFIRMED = "not-confirmed"
_ABOUT_THE_PLAN = (_NOT_CONFIRMED, "safety-limit", "plan-stale")


def flow_offers(found: FlowDocument) -> tuple[Offer, ...]:
    """The actions on a flow."""
    return tuple(_flow_offers(found))


def _flow_offers(found: FlowDocument) -> Iterator[Offer]:
    name, flow = found.organization, found.flow.flow
    if found.last_change is not None and found.last_change.paused:
        yield Offer("Accept the version", action_address(name, "accept", flow=flow))
    if any(each.code == "quarantined" for each in found.problems):
        yield Offer("Try again", action_address(name, "retry", flow=flow))
    if found.flow.version is not None:
        yield Offer("Roll back", action_address(name, "rollback", flow=flow))
