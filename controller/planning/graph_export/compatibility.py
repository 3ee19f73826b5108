"""D7: whether what is live meets what the manifests, or a target version, ask for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState

ALLOWED_STATUSES = frozenset({"published", "deployed"})
"""A draft or an archived version answers no call."""


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The verdict on one flow; `problems` is empty when it is compatible."""

    flow: str
    """`metadata.name`."""
    key: FlowKey
    version: str | None
    """The live version."""
    status: str | None
    target_version: str | None
    """None where any version will do."""
    problems: tuple[str, ...] = ()

    @property
    def compatible(self) -> bool:
        return not self.problems


def compatibility(
    organization: Organization,
    live: LiveState,
    *,
    target_version: str | None = None,
    allowed_statuses: Collection[str] = ALLOWED_STATUSES,
) -> tuple[Compatibility, ...]:
    """The verdict on each managed flow, in order of id.

    The target is `target_version` where it is given, else the version that the manifest pins, else any version.
    Statuses are compared without regard to case.
    """
    allowed = {status.lower() for status in allowed_statuses}
    flows = sorted(organization.flows, key=lambda flow: flow.id)
    return tuple(_verdict(flow, live, target_version or _pinned(flow), allowed) for flow in flows)


def _pinned(flow: DesiredFlow) -> str | None:
    return flow.source.version if isinstance(flow.source, PinnedVersion) else None


def _verdict(flow: DesiredFlow, live: LiveState, target: str | None, allowed: Collection[str]) -> Compatibility:
    found = live.flows.get(flow.key)
    if found is None:
        return Compatibility(flow.id, flow.key, None, None, target, ("the organisation has no such flow",))
    problems: list[str] = []
    if found.published_version is None:
        problems.append("no version is published")
    elif target is not None and found.published_version != target:
        problems.append(f"version {found.published_version} is live, {target} is asked for")
    if found.status.lower() not in allowed:
        problems.append(f"its status is {found.status}, allowed are {', '.join(sorted(allowed))}")
    return Compatibility(flow.id, flow.key, found.published_version, found.status, target, tuple(problems))
