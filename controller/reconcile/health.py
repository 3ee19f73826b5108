"""Determines the health of managed flows from the live versions and the last steps in the journal."""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.result import BIND_ANEW
from controller.domain.desired import DesiredFlow, Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.status import Health, StepState, worst
from controller.reconcile.services import Services
from controller.store.records import StepRecord

_UNPUBLISH = "unpublish it in Architect"


def managed_health(
    organization: Organization, live: Mapping[FlowKey, LiveFlow], services: Services
) -> dict[FlowKey, Health]:
    """The health of every managed flow. Raises StoreFailed."""
    store = services.store
    latest = store.journal.latest(store.bindings.kept_as(organization.name, services.identity(organization)))
    return _each(organization, {key: flow.published_version for key, flow in live.items()}, latest)


def organization_health(
    organization: Organization, published: Mapping[FlowKey, str | None], latest: Mapping[FlowKey, StepRecord]
) -> Health:
    """The worst health of the managed flows, by their published versions."""
    each = _each(organization, published, latest)
    return worst(*each.values()) if each else Health.HEALTHY


def _each(
    organization: Organization, published: Mapping[FlowKey, str | None], latest: Mapping[FlowKey, StepRecord]
) -> dict[FlowKey, Health]:
    suspended = organization.suspended
    return {
        flow.key: flow_health(flow, published.get(flow.key), latest.get(flow.key), suspended=suspended)
        for flow in organization.flows
    }


def flow_health(
    desired: DesiredFlow | None, published: str | None, latest: StepRecord | None, *, suspended: bool = False
) -> Health:
    """The health of one flow. After a failed rollback it is Degraded until the target or another delivery is live.

    `latest` is the flow's last step with any effect; `suspended` is whether the whole organisation is.
    """
    if degraded_reason(published, latest) is not None:
        return Health.DEGRADED
    if suspended or (desired is not None and desired.suspended):
        return Health.SUSPENDED
    if paused_reason(latest) is not None:
        return Health.SUSPENDED
    if latest is not None and latest.state.in_flight:
        return Health.PROGRESSING
    return Health.MISSING if published is None else Health.HEALTHY


def degraded_reason(published: str | None, latest: StepRecord | None) -> str | None:
    """What failed and is still live, or could not be restored, with the next step; None if that is over."""
    if latest is None:
        return None
    if latest.state is StepState.FAILED and published is not None and latest.live_version == published:
        way = f"take it back with `penstock rollback {latest.flow}`" if latest.previous_version else _UNPUBLISH
        return f"{latest.reason}; {published} was left live: {way}"
    if latest.state is not StepState.ROLLBACK_FAILED:
        return None
    version = latest.previous_version
    if published == version:
        # Back, but bound to a module that was rolled back after it.
        stale = version is not None and latest.live_version == version
        return f"{latest.reason or version}; {BIND_ANEW}" if stale else None
    if version is None:
        return f"{latest.reason or 'it could not be taken out of use again'}; {_UNPUBLISH}"
    return (
        f"{latest.reason or f'{version} could not be brought back'}; publish {version} in Architect, or try again: "
        f"penstock rollback {latest.flow} --to {version}"
    )


def paused_reason(latest: StepRecord | None) -> str | None:
    """Why a person must decide about the version of the flow's last step."""
    return latest.reason if latest is not None and latest.paused else None


def under_way(latest: StepRecord | None) -> str | None:
    """The state of the flow's last step if it is unfinished."""
    if latest is None or not latest.state.in_flight:
        return None
    paused = paused_reason(latest)
    if paused is not None:
        return f"paused: {paused}"
    return f"{latest.state.value} since {latest.updated_at:%Y-%m-%d %H:%M} UTC"
