"""The executions of an organisation. A stream is not stored: it yields the same executions for every query."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from controller.simulator.execution import RETENTION_S, Execution, SimulatedLogLevel, Traffic
from controller.simulator.flow import Action, SimulatedFlow
from controller.simulator.organization import SimulatedOrganization, stable_id

DURATION_S = 20.0
"""Longest duration of an execution in seconds; each takes a share of it."""
_REMEMBERED = 2**15
"""Executions of streams that are kept for the next query: a client that polls asks for the same ones again."""


@dataclass(frozen=True, slots=True)
class Reign:
    """A period in which one version was live."""

    version: str
    begin: datetime
    end: datetime


def reigns(flow: SimulatedFlow, now: datetime) -> Iterator[Reign]:
    """The live version at each moment, from the flow's history."""
    current: tuple[str, datetime] | None = None
    for happening in flow.history:
        if happening.action in (Action.PUBLISH, Action.DEACTIVATE, Action.DELETE):
            if current:
                yield Reign(*current, happening.at)
            live = happening.action is Action.PUBLISH and happening.version
            current = (happening.version, happening.at) if live and happening.version else None
    if current:
        yield Reign(*current, now)


def executions(
    organization: SimulatedOrganization,
    since: datetime,
    now: datetime,
    *,
    before: datetime | None = None,
    retention_s: float = RETENTION_S,
) -> Iterator[Execution]:
    """Executions that started from `since` until now and are still retained, streamed or stored, each once.

    With `before`, only those that started before that moment.
    """
    state = organization.state
    since = max(since, now - timedelta(seconds=retention_s))
    if not state.execution_data.enabled:
        return
    seen: set[str] = set()
    for execution in state.executions.values():
        if not since <= execution.started_at <= now or (before and execution.started_at >= before):
            continue
        if is_recorded(organization, execution):
            seen.add(execution.id)
            yield execution
    for traffic in state.traffic:
        for execution in _stream(organization, traffic, since, min(before or now, now), now):
            if execution.id not in seen:
                yield execution


def is_recorded(organization: SimulatedOrganization, execution: Execution) -> bool:
    """Whether its data was recorded: the level was not Disabled, and data was enabled before the version's publish."""
    settings = organization.state.execution_data
    if settings.at(execution.flow_id, execution.ended_at).level is SimulatedLogLevel.DISABLED:
        return False
    since = settings.enabled_since
    if since is None:
        return True
    found = organization.state.flows[execution.flow_id].version(execution.version)
    return found is not None and found.published_at is not None and found.published_at >= since


def _stream(
    organization: SimulatedOrganization, traffic: Traffic, since: datetime, before: datetime, now: datetime
) -> Iterator[Execution]:
    flow = organization.state.flows[traffic.flow_id]
    period = timedelta(seconds=60 / traffic.per_minute)
    for reign in reigns(flow, now):
        # During a staged rollout another version may serve a part of this period.
        if traffic.version not in (None, reign.version) and not flow.rollouts:
            continue
        begin = max(reign.begin, traffic.since, since)
        # Numbered from the start of the stream, so that every query gives the same executions.
        number = math.ceil((begin - traffic.since) / period)
        while (started_at := traffic.since + number * period) < min(reign.end, before):
            execution = _execution(organization.settings.organization, traffic, reign.version, number, started_at)
            if (version := _served(flow, execution)) != execution.version:
                execution = replace(execution, version=version)
            fits = traffic.version in (None, execution.version)
            if fits and execution.ended_at <= now and is_recorded(organization, execution):
                yield execution
            number += 1


def _served(flow: SimulatedFlow, execution: Execution) -> str:
    """The live version, or for a share of the executions the version of a staged rollout."""
    luck = 100 * fraction(execution.id, "route") if flow.rollouts else 0.0
    for rollout in flow.rollouts:
        if luck < rollout.share(execution.started_at):
            return rollout.version
    return execution.version


@lru_cache(_REMEMBERED)
def _execution(organization: str, traffic: Traffic, version: str, number: int, started_at: datetime) -> Execution:
    named = (traffic.version,) if traffic.version else ()
    identifier = stable_id(organization, "execution", traffic.flow_id, started_at.isoformat(), str(number), *named)
    luck = fraction(identifier, "luck")
    return Execution(
        identifier,
        traffic.flow_id,
        version,
        started_at,
        started_at + timedelta(seconds=1 + fraction(identifier, "duration") * (DURATION_S - 1)),
        traffic.reason if luck < traffic.error_rate else None,
        stable_id(organization, "conversation", identifier),
    )


def error_rate(organization: SimulatedOrganization, flow_id: str, version: str) -> tuple[float, str]:
    """The share of a version's executions that fail, and the reason; 0 without a stream."""
    for traffic in reversed(organization.state.traffic):
        if traffic.flow_id == flow_id and traffic.version in (None, version):
            return traffic.error_rate, traffic.reason
    return 0.0, ""


@lru_cache(_REMEMBERED)
def fraction(*parts: str) -> float:
    """A pseudo-random number from 0 to 1 (exclusive) that depends only on the parts."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
