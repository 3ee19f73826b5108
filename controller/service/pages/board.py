"""Organisations at a glance, one organisation and its plan, and what runs now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from controller.domain.page_addresses import organization_address
from controller.domain.status import Health, SyncStatus
from controller.planning.rendering.page import page
from controller.questions.live_document import OrganizationStateDocument
from controller.questions.live_state import organization_now, organizations_now, running_now
from controller.questions.plan_views import stored_plan_view
from controller.questions.stored_plan import plan_now
from controller.questions.sync_log import sync_page
from controller.service.access.person import EVERY, Role
from controller.service.board import RepositoryEntry
from controller.service.pages.asked import Asked
from controller.service.pages.hints import plan_on_page
from controller.service.pages.offers import Offer, action_address, organization_offers, ways_out
from controller.service.pages.organization_frame import known, organization_page, seen
from controller.service.pages.paging import list_page, whole_number
from controller.store.flow_filter import FlowFilter, FlowSort
from controller.store.running import NOT_MOVING
from controller.store.store import Store
from controller.store.views import FlowView

PHASES: Final[Mapping[str, tuple[str, ...]]] = {
    "checkout": ("checkout", "attribute", "follow", "refuse_uncommitted"),
    "locate": ("locate", "refuse_beside_controller"),
    "acquire": ("acquire",),
    "recover": ("recover", "record_steps", "refuse_unsettled"),
    "observe": ("observe", "look"),
    "plan": ("plan", "present"),
    "check": ("check",),
    "deliver": ("deliver", "bring_back"),
    "record": ("record_sync", "plan_left"),
}
"""What a pass goes through, in its order, with the steps of `reconcile.loop` that belong to each."""
_SYNCS: Final = 8
_ATTENTION: Final = 8
_ASKED: Final = 5
_LINES: Final = 200
"""Lines of changes on one page of a plan. A line may be a whole group."""
_URGENCY: Final = ("bad", "busy", "drift", "calm", "good")


@dataclass(frozen=True, slots=True)
class Tile:
    """One organisation at a glance."""

    name: str
    state: OrganizationStateDocument | None
    """None before its first pass."""

    @property
    def tone(self) -> str:
        """The worst that is true of it."""
        state = self.state
        if state is None:
            return "calm"
        if state.health is Health.DEGRADED:
            return "bad"
        if state.running is not None and any(flow.state not in NOT_MOVING for flow in state.running.flows):
            return "busy"
        if (
            state.drift
            or state.held_back
            or state.suspended
            or state.sync is SyncStatus.OUT_OF_SYNC
            or state.health is Health.MISSING
        ):
            return "drift"
        return "good" if state.health is Health.HEALTHY else "calm"


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all organisations that are shown."""

    organizations: int
    flows: int
    degraded: int
    drift: int
    held_back: int
    running: int


def organizations(asked: Asked) -> Response:
    """`/`: all organisations that the person may see; the worst come first, then by name."""
    visible = visible_to(asked)
    found = organizations_now(asked.window.services.store, visible, asked.now).organizations
    states: dict[str, OrganizationStateDocument | None] = dict.fromkeys(filter(visible, asked.described))
    states |= {state.name: state for state in found}
    tiles = [Tile(name, state) for name, state in states.items()]
    tiles.sort(key=lambda tile: (_URGENCY.index(tile.tone), tile.name))
    totals = _totals(found, len(tiles))
    return asked.page("organizations", "/", live=True, tiles=tiles, totals=totals, repositories=_with_faults(asked))


def _with_faults(asked: Asked) -> list[RepositoryEntry]:
    """Their messages may name any organisation, so only who sees all of them sees these."""
    if not any(grant.organizations == EVERY for grant in asked.person.grants):
        return []
    return [each for each in asked.window.repositories() if each.message]


def _totals(found: Sequence[OrganizationStateDocument], organizations: int) -> Totals:
    return Totals(
        organizations=organizations,
        flows=sum(sum(state.flows.values()) for state in found),
        degraded=sum(state.flows.get(Health.DEGRADED.value, 0) for state in found),
        drift=sum(len(state.drift) for state in found),
        held_back=sum(len(state.held_back) for state in found),
        running=sum(state.running is not None for state in found),
    )


def organization(asked: Asked) -> Response:
    """`/organizations/{organization}`."""
    store, name = asked.window.services.store, asked.organization
    view = known(asked)
    found = None if view is None else organization_now(store, view, asked.now)
    state = None if found is None else found.organization
    return organization_page(
        asked,
        "organization",
        view,
        live=True,
        state=state,
        phases=PHASES,
        syncs=[] if view is None else sync_page(store, [view.kept_as or name], limit=_SYNCS).syncs,
        attention=_attention(store, name),
        asked_actions=[] if found is None else found.actions[:_ASKED],
        actions=organization_offers(state) if state is not None and asked.may_operate(name) else (),
        ways_out={} if state is None else ways_out(state, operates=asked.may_operate(name)),
    )


def running(asked: Asked) -> Response:
    """`/running`: all passes that run now."""
    found = running_now(asked.window.services.store, visible_to(asked), asked.now)
    return asked.page("running", "/running", live=True, passes=found.passes, phases=PHASES)


def visible_to(asked: Asked) -> Callable[[str], bool]:
    """Whether the person may see an organisation."""
    return lambda name: asked.person.may(Role.READ, name)


def _attention(store: Store, name: str) -> list[FlowView]:
    """The flows with the worst health."""
    worst = store.views.flows(name, FlowFilter(), sort=FlowSort.HEALTH_DESCENDING, limit=_ATTENTION).items
    return [flow for flow in worst if flow.health not in (Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING)]


def plan(asked: Asked) -> Response:
    """`/organizations/{organization}/plan`: the same parts as `penstock plan --format html`."""
    view = seen(asked)
    document = plan_now(view)
    if document is None:
        return organization_page(asked, "plan", view, live=True, content=None, unlisted=(), page=None, offers=())
    content = page(stored_plan_view(plan_on_page(document)))
    offset = whole_number(asked.query("offset"))
    address = organization_address(asked.organization, "plan")
    listed = list_page(address, {}, offset, _LINES, len(content.entries))
    offers: tuple[Offer, ...] = ()
    if content.actions and asked.may_operate(asked.organization):
        offers = (
            Offer("Approve this plan", action_address(asked.organization, "approve", digest=document.digest)),
            Offer("Sync", action_address(asked.organization, "sync", digest=document.digest)),
        )
    return organization_page(
        asked,
        "plan",
        view,
        live=True,
        content=replace(content, entries=content.entries[offset : offset + _LINES]),
        page=listed,
        offers=offers,
        in_page=True,
    )
