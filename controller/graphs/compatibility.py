"""D7: whether the live versions are those that the manifests, or a target version, ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState

ALLOWED_STATUSES = frozenset({"published", "deployed"})
"""Draft and archived versions take no calls."""


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The verdict on one flow; `problems` is empty when it is compatible."""

    flow: str
    """`metadata.name`; for a flow without a manifest `type/name`, with the id if several flows share it."""
    key: FlowKey
    version: str | None
    """The live version, else the newest one."""
    status: str | None
    target_version: str | None
    """None if any version will do."""
    problems: tuple[str, ...] = ()

    @property
    def compatible(self) -> bool:
        return not self.problems


def compatibility(
    organization: Organization,
    live: LiveState,
    listed: Iterable[LiveFlow] = (),
    *,
    target_version: str | None = None,
    allowed_statuses: Collection[str] = ALLOWED_STATUSES,
) -> tuple[Compatibility, ...]:
    """The verdicts on managed flows in order of id, then on the other `listed` flows.

    The target is `target_version` if given, else the version that the manifest pins, else any version. The case of
    statuses does not matter.
    """
    allowed = {status.lower() for status in allowed_statuses}
    flows = sorted(organization.flows, key=lambda flow: flow.id)
    managed = [_managed(flow, live, target_version or _pinned(flow), allowed) for flow in flows]
    keys = {flow.key for flow in flows}
    others = sorted((flow for flow in listed if flow.key not in keys), key=lambda flow: (flow.key, flow.id))
    counts = Counter(flow.key for flow in others)
    names = [f"{flow.key} ({flow.id})" if counts[flow.key] > 1 else str(flow.key) for flow in others]
    judged = [_verdict(name, flow, target_version, allowed) for name, flow in zip(names, others, strict=True)]
    return (*managed, *judged)


def _pinned(flow: DesiredFlow) -> str | None:
    return flow.source.version if isinstance(flow.source, PinnedVersion) else None


def _managed(flow: DesiredFlow, live: LiveState, target: str | None, allowed: Collection[str]) -> Compatibility:
    found = live.flows.get(flow.key)
    if found is not None and flow.key not in live.ambiguous:
        return _verdict(flow.id, found, target, allowed)
    several = "several flows of the organisation carry this type and name"
    problem = several if flow.key in live.ambiguous else "the organisation has no such flow"
    return Compatibility(flow.id, flow.key, None, None, target, (problem,))


def _verdict(name: str, found: LiveFlow, target: str | None, allowed: Collection[str]) -> Compatibility:
    problems: list[str] = []
    if found.published_version is None:
        problems.append("no version is published")
    elif target is not None and found.published_version != target:
        problems.append(f"version {found.published_version} is live, {target} is asked for")
    if found.status.lower() not in allowed:
        problems.append(f"its status is {found.status}, allowed are {', '.join(sorted(allowed))}")
    version = found.published_version or found.checked_in_version
    return Compatibility(name, found.key, version, found.status, target, tuple(problems))
