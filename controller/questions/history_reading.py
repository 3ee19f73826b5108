"""Reads the past of an organisation's flows: records in git, the store, and the organisation's own versions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from controller.domain.desired import Organization
from controller.domain.errors.change import LiveUndetermined
from controller.domain.errors.organization import NotFound
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.domain.ports import Platform
from controller.domain.versions import VersionInfo, live_candidates
from controller.domain.waiting import for_each
from controller.flows.suggestion import did_you_mean
from controller.questions.history import FlowFacts, Period, periods_of
from controller.questions.history_facts import PastFlow, past_flows
from controller.questions.live_origins import Sighting
from controller.reconcile.flow_choice import live_flow
from controller.reconcile.services import Services
from controller.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class FlowHistory:
    """One flow with its periods, oldest first."""

    id: str | None
    key: FlowKey
    manifest: str | None
    former_names: tuple[str, ...]
    """Other `type/name` that it had, the latest first."""
    periods: tuple[Period, ...]
    note: str | None = None
    """What the organisation did not tell about it, for people."""

    def since(self, moment: datetime | None) -> list[Period]:
        """The periods that did not end before that moment, newest first; None means all."""
        found = [each for each in self.periods if moment is None or each.ended is None or each.ended.latest > moment]
        return found[::-1]


@dataclass(frozen=True, slots=True)
class OrganizationHistory:
    """The flows of one organisation, in order of name, and how they were found."""

    name: str
    observed_at: datetime | None
    """When the organisation was asked; None if it was not."""
    record: str | None
    """The newest commit of the record; None without one."""
    flows: tuple[FlowHistory, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryChoice:
    """What is asked for."""

    flow: str | None = None
    """`metadata.name`, `type/name`, name or id, also a former one; None for all flows."""
    offline: bool = False
    """Ask git and the store alone."""


async def organization_history(
    services: Services, repository: Repository, organization: Organization, choice: HistoryChoice
) -> OrganizationHistory:
    """The history of one organisation's flows.

    Raises SettingsInvalid for a flow that no source knows, RepositoryFailed, StoreFailed, and what the organisation's
    calls raise.
    """
    log = await asyncio.to_thread(repository.record_log, organization.name, organization.artifacts)
    others = await asyncio.to_thread(_other_names, services, repository, organization, offline=choice.offline)
    past, notes = services.store.past, list(log.notes)
    steps = [step for name in (organization.name, *others) for step in past.steps(name)]
    moments = [moment for name in (organization.name, *others) for moment in past.moments(name)]
    if not steps:
        notes.append("this store has no deliveries of the organisation: records and the organisation alone were read")
    known = services.store.known_branches.of(organization.name).get(organization.artifacts.branch)
    if log.tip is not None and known not in (None, log.tip) and not repository.is_ancestor(known, log.tip):
        notes.append(
            f"the records branch was rewritten: it was at {known[:12]}, and what it lost is told by the store's journal"
        )
    if others:
        names = ", ".join(map(repr, others))
        notes.append(f"the same organisation has records under {names}, too: they and its deliveries count")
        read = [await asyncio.to_thread(repository.record_log, name, organization.artifacts) for name in others]
        log = log.with_older(read)
    flows = past_flows(log, steps, moments)
    if choice.offline:
        notes.append("the organisation was not asked: out-of-band changes since the last sighting are missing")
    platform = None if choice.offline else services.platform(organization)
    now = services.clock.now()
    chosen = _chosen(flows.values(), choice, organization)
    if choice.flow is not None and not chosen:
        chosen = [await _never_delivered(choice.flow, flows.values(), organization, platform, now)]
    client = None if choice.offline else services.client_id(organization)

    async def one(flow: PastFlow) -> FlowHistory:
        return await _history(flow, platform, client, now)

    found = await for_each(chosen, one)
    observed_at = None if choice.offline else now
    return OrganizationHistory(
        organization.name, observed_at, log.tip, tuple(sorted(found, key=lambda each: each.key)), tuple(notes)
    )


def _other_names(
    services: Services, repository: Repository, organization: Organization, *, offline: bool
) -> tuple[str, ...]:
    """Other names under which this very organisation has a record, such as the one before it was renamed.

    The organisation's own id tells; without one there are none.
    """
    states = {each.organization: each for each in repository.recorded_states(organization.artifacts, ())}
    own = states.pop(organization.name, None)
    known = own.organization_id if own is not None else None
    if known is None and not offline:
        known = services.identity(organization).organization_id
    return tuple(name for name, each in sorted(states.items()) if known is not None and each.organization_id == known)


def _chosen(flows: Iterable[PastFlow], choice: HistoryChoice, organization: Organization) -> list[PastFlow]:
    """The flows that are asked for, as far as records or the journal know them."""
    said = choice.flow
    if said is None:
        return list(flows)
    named = next((str(each.key) for each in organization.flows if said == each.id), said)
    return [flow for flow in flows if flow.called(said) or flow.called(named)]


async def _never_delivered(
    said: str, flows: Iterable[PastFlow], organization: Organization, platform: Platform | None, now: datetime
) -> PastFlow:
    """A flow that the organisation alone knows. Raises SettingsInvalid if it does not."""
    if platform is not None:
        live = await live_flow(platform, organization.flows, said)
        return PastFlow(live.id, [(now, live.key, None)])
    names = {name for flow in flows for _, key, manifest in flow.names for name in (manifest, str(key)) if name}
    raise SettingsInvalid(
        f"neither records nor the store know a flow {said!r}",
        hint=did_you_mean(said, names) or "without --offline the organisation is asked as well",
    )


async def _history(flow: PastFlow, platform: Platform | None, client: str | None, now: datetime) -> FlowHistory:
    facts, note = FlowFacts(tuple(flow.sightings), client_id=client), None
    if platform is not None and flow.id is not None:
        try:
            listed = tuple(await platform.versions.of(flow.id))
        except NotFound:
            note = "the organisation does not show the flow: it was deleted, or this client may not see it"
        else:
            facts, note = await _with_versions(facts, flow.id, listed, platform, now)
    names = sorted(flow.names, key=lambda name: name[0], reverse=True)
    former = tuple(dict.fromkeys(str(key) for _, key, _ in names if key != flow.key))
    return FlowHistory(flow.id, flow.key, flow.manifest, former, periods_of(facts), note)


async def _with_versions(
    facts: FlowFacts, flow_id: str, listed: Sequence[VersionInfo], platform: Platform, now: datetime
) -> tuple[FlowFacts, str | None]:
    """The facts with the organisation's versions and what is live now; a note where that is not clear."""
    facts = replace(facts, listed=tuple(listed))
    live = [info.version for info in live_candidates(listed)]
    if len(live) > 1:
        try:
            flow = await platform.flows.get(flow_id)
        except LiveUndetermined as error:
            return facts, error.message
        live = [flow.published_version] if flow is not None and flow.published_version is not None else []
    now_live = Sighting(live[0] if live else None, now)
    return replace(facts, sightings=(*facts.sightings, now_live), observed_at=now), None
