"""Digests: one over all inputs of a plan, and one for each flow with everything it consumes, transitively."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache

from controller.domain.desired import Organization, PinnedVersion
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedState
from controller.graphs.consumption import FlowGraph
from controller.planning.inputs import PlanInputs
from controller.planning.model import Change, ChangeKind

_NO_INPUT = frozenset(
    {"bot_callers", "origin", "text", "credentials", "references", "resources", "store_id", "server", "notifications"}
)
"""Fields left out: origins, who recorded or is told, possible secrets, and fields that the content digest covers."""


def sha256(*parts: object) -> str:
    """`sha256:<hex>` over the canonical JSON of the parts."""
    text = json.dumps([canonical(part) for part in parts], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def canonical(value: object) -> object:
    """A value of plain JSON types. Two results are equal if and only if the given values are."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, Mapping):
        pairs = ([canonical(key), canonical(item)] for key, item in value.items())
        return sorted(pairs, key=_order)
    if isinstance(value, set | frozenset):
        return sorted((canonical(item) for item in value), key=_order)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(canonical(getattr(value, name)) for name in _inputs(type(value)))]
    return str(value)


@cache
def _inputs(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind) if item.name not in _NO_INPUT)


def _order(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def plan_digest(
    organization: Organization,
    live: LiveState,
    recorded: RecordedState,
    inputs: PlanInputs,
    concerned: Collection[FlowKey],
    changes: Iterable[Change],
) -> str:
    """The digest over the plan's inputs and effects. Of the live flows it covers the `concerned` ones.

    Two clients that see the same state get the same digest. So it leaves out facts that only one of them may have:
    names, histories, consumers, and reasons why something could not be read. Their consequences show in the changes.

    The time of the observation is left out, and so are live flows that the plan does not concern: a change of them does
    not make an approved plan stale. The revision is left out as well, because the digest covers its content: a commit
    with the same content, such as one of Penstock's own with artifacts, gives the same plan.
    """
    flows = {key: _standing(flow, inputs.client_name) for key, flow in live.flows.items() if key in concerned}
    digests = {key: digest for key, digest in live.digests.items() if key in concerned}
    active = {key: tuple(each.version for each in found if each.active) for key, found in live.versions.items()}
    of_versions = (live.references, active, digests)
    doubts = (live.ambiguous & frozenset(concerned), bool(live.partial))
    journaled = (
        {(each.key, each.wanted) for each in inputs.quarantines},
        inputs.unrecorded,
        inputs.authored,
        inputs.binds_at_publish,
    )
    deeds = [
        (each.key, each.kind, each.from_version, each.to_version, each.depends_on, each.group, each.blocked is not None)
        for each in changes
        if each.kind is not ChangeKind.NONE
    ]
    # All organisations of a region share one address. Flow ids tell them apart; without flows, the organisation's id.
    home = None if flows else inputs.organization_id or inputs.client_name
    return sha256(organization, home, flows, of_versions, doubts, recorded, journaled, deeds)


def _standing(flow: LiveFlow, client_name: str | None) -> object:
    """The parts of a live flow that a plan depends on: id, version, and the lock of another holder."""
    holder = flow.locked_by
    held = None if holder is None or holder.is_client(client_name) else (holder.kind, holder.id or holder.name)
    return (flow.id, flow.published_version, held)


def dependency_digests(
    graph: FlowGraph, components: Iterable[Sequence[FlowKey]], live: LiveState, versions: Mapping[FlowKey, str | None]
) -> dict[FlowKey, str]:
    """P3: SHA-256 over each flow's content and the versions and content of all it consumes, transitively.

    `components` are in dependency order; the flows of one component share a digest of the group. `versions` are the
    versions that will be live, or None for a number that the organisation will choose.
    """
    digests: dict[FlowKey, str] = {}
    for component in components:
        members = frozenset(component)
        parts = [_own_part(graph, key, live) for key in component]
        below = sorted({callee for key in component for callee in graph.edges[key]} - members)
        group = sha256(parts, [(callee, versions.get(callee), digests[callee]) for callee in below])
        if len(component) == 1:
            digests[component[0]] = group
        else:
            digests |= {key: sha256(key, group) for key in component}
    return digests


def _own_part(graph: FlowGraph, key: FlowKey, live: LiveState) -> object:
    source = graph.flows[key].source
    found = live.flows.get(key)
    content = (found.id if found else None, source.version) if isinstance(source, PinnedVersion) else source.digest
    consumption = graph.consumption[key]
    callees = ((callee, live.flows[callee]) for callee in consumption.outside)
    outside = [(callee, flow.id, flow.published_version) for callee, flow in callees]
    unanswered = [(reference.name, reference.types) for reference in consumption.missing]
    return (key, content, outside, unanswered)
