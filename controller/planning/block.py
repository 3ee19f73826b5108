"""Reasons why a change cannot be carried out now. Each message names the obstacle and the next step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from controller.domain.capabilities import CAPABILITIES
from controller.domain.desired import CyclePolicy, DesiredFlow, OnLocked, Organization, Origin, SourceFile
from controller.domain.errors.change import LiveUndetermined
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.platform import Capability
from controller.domain.references import FlowReference
from controller.flows.checks import NESTED, nested_modules
from controller.flows.suggestion import did_you_mean
from controller.graphs.consumption import FlowGraph
from controller.planning.draft import LiveOutcome
from controller.planning.drift import holder_words
from controller.planning.inputs import Quarantine
from controller.planning.limits import ROOM, one_too_many
from controller.planning.model import Blocked
from controller.planning.targets import unusable

_COMPARED = 5
"""References without a flow that are compared with all known names; the first ones suffice as hints."""


def quarantined(flow: DesiredFlow, quarantine: Quarantine | None) -> Blocked | None:
    """Blocked if this desired state was rolled back before; `quarantine` is its entry."""
    if quarantine is None:
        return None
    message = (
        f"just this content of {flow.key} failed or was rolled back before ({quarantine.reason}); "
        "commit a change to it, or pass --retry"
    )
    return Blocked("quarantined", message)


def not_to_be_kept(flow: DesiredFlow, version: str | None, quarantine: Quarantine | None) -> Blocked | None:
    """Blocked if the live version was to be rolled back: to record it would hide the failed rollback."""
    if quarantine is None:
        return None
    message = (
        f"{version} of {flow.key} is live, but was to be rolled back ({quarantine.reason}); roll it back with "
        f"`penstock rollback {flow.id}` (a first version: unpublish it in Architect), commit a change to it, or pass "
        "--retry to let it stay"
    )
    return Blocked("quarantined", message)


def locked(key: FlowKey, live: LiveFlow | None, organization: Organization, client_name: str | None) -> Blocked | None:
    """Blocked if someone else holds the flow's lock and `onLocked` is `fail`."""
    if not _held(live, client_name) or organization.on_locked is not OnLocked.FAIL:
        return None
    policies = "wait or unlock" if Capability.UNLOCK in CAPABILITIES[organization.dialect] else "wait"
    return Blocked("flow-locked", f"{_lock_words(key, live)}; ask them to check in, or set onLocked: {policies}")


def lock_warning(
    key: FlowKey, live: LiveFlow | None, organization: Organization, client_name: str | None
) -> tuple[str, ...]:
    """A warning about a lock: the consequence of `onLocked: wait` or `onLocked: unlock`."""
    if not _held(live, client_name) or organization.on_locked is OnLocked.FAIL:
        return ()
    consequence = "the draft is exported and committed, and then the lock is broken"
    if organization.on_locked is OnLocked.WAIT:
        consequence = "the change waits until it is released"
    return (f"{_lock_words(key, live)}; {consequence}",)


def not_certain(key: FlowKey, live: LiveState) -> Blocked | None:
    """Blocked while the organisation's answers disagree about the live version."""
    words = live.undetermined.get(key)
    return Blocked(LiveUndetermined.code, f"{words}; {LiveUndetermined.usual_hint}") if words else None


def bad_target(key: FlowKey, target: str | None, live: LiveState, organization: Organization) -> Blocked | None:
    """Blocked if `target` cannot be made live or would be one active version too many.

    Checks nothing if the versions were not read. The limit of active versions applies only to dialects that allow
    several active versions at once.
    """
    versions = live.versions.get(key)
    if target is None or versions is None:
        return None
    why_not = unusable(key, target, versions)
    if why_not is not None:
        return Blocked(why_not.code, f"{why_not.message}; {why_not.hint}")
    if Capability.ATOMIC_SWITCH not in CAPABILITIES[organization.dialect]:
        return None
    active = [info.version for info in versions if info.active]
    words = one_too_many(key, target, active, organization.safety.max_active_versions)
    return Blocked("safety-limit", f"{words}; {ROOM}") if words else None


def missing_dependency(
    flow: DesiredFlow,
    graph: FlowGraph,
    outcomes: Mapping[FlowKey, LiveOutcome],
    live: LiveState,
    group: frozenset[FlowKey],
) -> Blocked | None:
    """Blocked if a static reference or `dependsOn` leads to a flow that does not exist or is not published.

    `cycle` checks members of the flow's own `group` (its strongly connected component), `waits_for_blocked` checks
    flows with a blocked change of their own.
    """
    consumption = graph.consumption[flow.key]
    known = {*graph.flows, *live.flows} if consumption.missing else set()
    absent = [
        _reference_words(flow, reference, known if number < _COMPARED else ())
        for number, reference in enumerate(consumption.missing)
    ]
    absent += [f"dependsOn {id_!r}, which no manifest has" for id_ in consumption.undeclared]
    unpublished = [key for key in consumption.outside if live.flows[key].published_version is None]
    outside_group = [(key, outcomes[key]) for key in consumption.managed if key not in group]
    unpublished += [key for key, outcome in outside_group if not outcome.available and not outcome.blocked]
    reasons = absent + [f"{key}, which is not published" for key in unpublished]
    if not reasons:
        return None
    way_out = "add a Flow manifest for it, or publish it in the organisation first"
    return Blocked("missing-dependency", f"it refers to {', '.join(reasons)}; {way_out}")


def waits_for_blocked(depends_on: Sequence[str], blocked: Mapping[str, Blocked]) -> Blocked | None:
    """Blocked if a change that must come first is blocked."""
    causes = [f"{id_} ({blocked[id_].code})" for id_ in depends_on if id_ in blocked]
    if not causes:
        return None
    return Blocked("dependency-blocked", f"it depends on blocked changes: {', '.join(causes)}; solve that first")


def cycle(unpublished: Sequence[str], policy: CyclePolicy, printed: str) -> Blocked | None:
    """Blocked if flows consume each other, unless policy groups them and all of them are published.

    `unpublished` are the ids of members without a published version.
    """
    if policy is CyclePolicy.BLOCK:
        way_out = "break the cycle, or set cycles: group once all of these flows are published"
        return Blocked("cycle", f"flows consume each other: {printed}; {way_out}")
    if not unpublished:
        return None
    message = (
        f"flows consume each other: {printed}; cycles: group needs all of them published, and "
        f"{', '.join(sorted(unpublished))} {'is' if len(unpublished) == 1 else 'are'} not: publish a version without "
        "the reference first"
    )
    return Blocked("cycle", message)


def of_one_group() -> Blocked:
    """The reason for a change that is blocked only because another change of its group is."""
    return Blocked("dependency-blocked", "it is deployed as one group with flows of its cycle that are blocked")


def _held(live: LiveFlow | None, client_name: str | None) -> bool:
    return live is not None and live.locked_by is not None and not live.locked_by.is_client(client_name)


def _lock_words(key: FlowKey, live: LiveFlow | None) -> str:
    holder = live.locked_by if live else None
    return f"{key} is locked by {holder_words(holder) if holder else 'nobody'}"


def doubts(flow: DesiredFlow) -> Iterator[str]:
    """Warnings about a source that is delivered although the organisation may refuse it."""
    references = flow.source.references if isinstance(flow.source, SourceFile) else ()
    for reference in nested_modules(flow.key.type, references):
        yield f"{place_words(flow, reference)}: {NESTED}; the organisation may refuse it"


def place_words(flow: DesiredFlow, reference: FlowReference) -> str:
    """The place of a reference: file, line and column if it comes from a file, and the enclosing element."""
    if reference.position is None or not isinstance(flow.source, SourceFile):
        return reference.path
    origin = Origin(flow.source.file, *reference.position)
    return ", ".join(filter(None, (str(origin), reference.where)))


def _reference_words(flow: DesiredFlow, reference: FlowReference, known: Collection[FlowKey]) -> str:
    types, meant = " or ".join(reference.types) or "flow", _meant(reference, known)
    return (
        f"{types} {reference.name!r} ({place_words(flow, reference)}), which neither the manifests nor the "
        f"organisation have{f' ({meant})' if meant else ''}"
    )


def _meant(reference: FlowReference, known: Collection[FlowKey]) -> str | None:
    """The flow that is probably meant: one with a close name, or one with this name and another type."""
    close = did_you_mean(
        reference.name, {key.name for key in known if not reference.types or key.type in reference.types}
    )
    others = sorted(key.type for key in known if key.name == reference.name)
    return close or (f"there is one of this name of type {' and '.join(others)}" if others else None)
