"""Simulates delayed views: a listing is a search index that lags seconds behind a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from controller.simulator.call import ServedCall
from controller.simulator.flow import Action, SimulatedFlow, Version
from controller.simulator.problem import not_found


def as_listed(call: ServedCall, flows: Iterable[SimulatedFlow]) -> Iterator[SimulatedFlow]:
    """The flows as they were `listing_lag_s` ago, without younger ones."""
    lag_s = call.organization.settings.duration_s(call.organization.settings.listing_lag_s)
    if not lag_s:
        yield from flows
        return
    at = call.now - timedelta(seconds=lag_s)
    yield from (_at(flow, at) for flow in flows if flow.created_at <= at)


def _at(flow: SimulatedFlow, at: datetime) -> SimulatedFlow:
    moves = [each for each in flow.history if each.action in (Action.PUBLISH, Action.DEACTIVATE) and each.at <= at]
    version = moves[-1].version if moves and moves[-1].action is Action.PUBLISH else None
    live = flow.version(version) if version is not None else None
    versions = [_version_at(each, at) for each in flow.versions if each.created_at <= at]
    # A copy: the organisation itself does not lag.
    return replace(flow, versions=versions, live=live.number if live else None)


def _version_at(version: Version, at: datetime) -> Version:
    published = version.published_at is not None and version.published_at <= at
    ended = version.published_until is not None and version.published_until <= at
    return replace(
        version,
        published_at=version.published_at if published else None,
        published_until=version.published_until if published and ended else None,
    )


def require_shown(call: ServedCall, accepted_at: datetime, what: str) -> None:
    """Raise 404 while an accepted operation is not visible yet."""
    lag_s = call.organization.settings.duration_s(call.organization.settings.status_lag_s)
    if lag_s and call.now < accepted_at + timedelta(seconds=lag_s):
        raise not_found(f"Could not find {what}.")
