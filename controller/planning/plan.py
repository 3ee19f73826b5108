"""Makes a plan from values. The same inputs give the same plan, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.recorded import RecordedState
from controller.graphs.components import strongly_connected, waves
from controller.graphs.consumption import FlowGraph, build_graph
from controller.planning.digests import dependency_digests, plan_digest
from controller.planning.draft import Draft
from controller.planning.drift import drift_of, orphaned
from controller.planning.inputs import PlanInputs
from controller.planning.model import Change, ChangeKind, Drift, Plan
from controller.planning.orphans import Pruning, find_orphans
from controller.planning.resources import lacking_words
from controller.planning.situation import Situation
from controller.planning.walk import Walk


def make_plan(organization: Organization, live: LiveState, recorded: RecordedState, inputs: PlanInputs) -> Plan:
    """Compare desired, live and recorded state and return the changes with their order and reasons.

    Linear in flows and references. Never raises because of the states: changes that are impossible are `blocked`.
    """
    graph = build_graph(organization.flows, live)
    components = strongly_connected(list(graph.flows), graph.edges)
    walk = Walk(graph, organization, live, recorded, inputs)
    walk.run(components)
    orphans = find_orphans(graph, live, recorded)
    pruning = organization.sync.prune and not organization.suspended
    digests = dependency_digests(graph, components, live, _versions(walk.drafts))
    changes = [_change(draft, graph, digests, inputs) for draft in walk.drafts.values()]
    if pruning:
        changes += Pruning(graph, walk.drafts, live, organization, inputs).changes(orphans)
    in_order = _in_order(changes)
    return Plan(
        organization=organization.name,
        revision=inputs.revision,
        digest=plan_digest(organization, live, recorded, inputs, _concerned(graph, recorded, walk), in_order),
        changes=in_order,
        drift=_drift(walk, [orphaned(each.flow, each.record, each.live, pruned=pruning) for each in orphans], inputs),
        unmanaged=sum(key not in graph.flows and key not in recorded.flows for key in live.flows),
        cycles=tuple(sorted(walk.cycles)),
        warnings=(
            *(f"the organisation could not be read completely: {part}" for part in live.partial),
            *lacking_words(live.resources.values()),
            *inputs.former,
        ),
        suspended=tuple(flow.id for flow in graph.flows.values() if organization.suspended or flow.suspended),
        under_way=inputs.under_way,
        organization_id=inputs.organization_id,
        region=organization.endpoint.region,
    )


def _versions(drafts: Mapping[FlowKey, Draft]) -> dict[FlowKey, str | None]:
    """The version of each flow after the plan. A new version is described by the version that precedes it."""
    return {
        key: f"after {draft.situation.live_version or 'none'}" if draft.outcome.anew else draft.outcome.version
        for key, draft in drafts.items()
    }


def _change(draft: Draft, graph: FlowGraph, digests: Mapping[FlowKey, str], inputs: PlanInputs) -> Change:
    situation = draft.situation
    key = situation.flow.key
    return Change(
        flow=draft.id,
        key=key,
        kind=draft.decision.kind,
        flow_id=situation.live.id if situation.live else None,
        from_version=_replaced_version(draft),
        to_version=draft.decision.to_version,
        reason=draft.decision.reason,
        wave=1,
        depends_on=draft.depends_on,
        group=draft.group,
        blocked=draft.blocked,
        dependency_digest=digests[key],
        from_published_at=situation.live.published_at if situation.live else None,
        previous_digest=_digest_of_live(situation),
        consumes=tuple(sorted({*graph.edges[key], *graph.bound(key, inputs.binds_at_publish)})),
        desired=situation.flow,
        warnings=draft.warnings,
        cause=draft.decision.cause,
        follows=draft.decision.follows,
        missing=draft.missing,
    )


def _digest_of_live(situation: Situation) -> str:
    """The recorded dependency digest of the live version; empty if another version is live."""
    record = situation.record
    return "" if record is None or situation.moved_by_hand else record.dependency_digest


def _replaced_version(draft: Draft) -> str | None:
    if draft.decision.kind is ChangeKind.RENAME and draft.situation.previous is not None:
        return draft.situation.previous.published_version
    return draft.situation.live_version


def _in_order(changes: list[Change]) -> tuple[Change, ...]:
    """The acting changes by wave, then id, followed by the flows in sync by id."""
    acting = {change.flow: change.depends_on for change in changes if change.kind is not ChangeKind.NONE}
    wave = waves(list(acting), acting)
    placed = [replace(change, wave=wave.get(change.flow, 1)) for change in changes]
    return tuple(sorted(placed, key=lambda change: (change.kind is ChangeKind.NONE, change.wave, change.flow)))


def _drift(walk: Walk, of_orphans: list[Drift], inputs: PlanInputs) -> tuple[Drift, ...]:
    found = [drift for draft in walk.drafts.values() for drift in drift_of(draft.situation, inputs.client_name)]
    return tuple(sorted([*found, *of_orphans], key=lambda drift: (drift.flow, drift.kind, drift.message)))


def _concerned(graph: FlowGraph, recorded: RecordedState, walk: Walk) -> frozenset[FlowKey]:
    """The live flows that concern the plan."""
    outside = {key for consumption in graph.consumption.values() for key in consumption.outside}
    previous = {draft.situation.previous.key for draft in walk.drafts.values() if draft.situation.previous}
    return frozenset(outside | previous | set(graph.flows) | set(recorded.flows))
