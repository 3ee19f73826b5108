"""Looks up the resources that a plan's flows need, and plans again with what was found.

A plan without anything to publish makes no call. What was read is kept with the connection for a while. Where something
seems to be missing and a person waits for this delivery, it is read once more, because it may just have been created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from controller.domain.live import LiveState
from controller.domain.resources import ResourceListing, ResourcePolicy
from controller.planning.model import Plan
from controller.planning.resources import changes_nothing, needed_by_plan
from controller.reconcile.pass_ import SERVICE, Located

Planning = Callable[[LiveState], Plan]


async def plan_with_resources(at: Located, live: LiveState, make: Planning) -> Plan:
    """The plan that knows what the organisation has of each kind that its flows need.

    Raises what the organisation's calls raise, but for a kind that alone cannot be listed.
    """
    made, listings = make(live), at.platform.organization_resources
    needed = frozenset[str]()
    if listings is not None and at.organization.resources is not ResourcePolicy.IGNORE:
        needed = needed_by_plan(made) & frozenset(listings.kinds)
    if listings is None or not needed:
        return made
    began = at.services.clock.now()
    found = await listings.of(needed)
    if changes_nothing(made, found):
        return made
    made = make(replace(live, resources=found))
    stale = _older(found, _missing_kinds(made), began)
    if stale and _is_awaited(at, made):
        found = {**found, **await listings.of(stale, fresh=True)}
        made = make(replace(live, resources=found))
    return made


def _missing_kinds(plan: Plan) -> frozenset[str]:
    return frozenset(each.reference.kind for change in plan.changes for each in change.missing)


def _older(found: Mapping[str, ResourceListing], kinds: frozenset[str], moment: datetime) -> frozenset[str]:
    """The kinds that were read before that moment."""
    return frozenset(kind for kind in kinds if (read_at := found[kind].read_at) is not None and read_at < moment)


def _is_awaited(at: Located, plan: Plan) -> bool:
    """Whether a person asked for this pass, or approved this plan."""
    asked = at.request.actor != SERVICE
    return asked or at.services.store.approvals.of(plan.organization, plan.digest) is not None
