"""The live state: what an organisation answers now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference
from controller.domain.versions import VersionInfo


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a flow's lock: a person in Architect, or a service client."""

    name: str
    kind: str = "user"
    """`user` or `client`."""
    since: datetime | None = None
    id: str | None = None

    def is_client(self, identity: str | None) -> bool:
        """Whether it is the service client with this id or name: our own lock does not stand in our way."""
        return self.kind == "client" and identity is not None and identity in (self.id, self.name)


@dataclass(frozen=True, slots=True)
class LiveFlow:
    id: str
    key: FlowKey
    published_version: str | None
    checked_in_version: str | None = None
    locked_by: LockHolder | None = None
    status: str = "published"
    """`draft`, `published`, `deployed` or `archived`; what the dialect cannot tell is derived."""
    published_at: datetime | None = None
    published_by: str | None = None
    division: str | None = None
    has_draft: bool = False


@dataclass(frozen=True, slots=True)
class HandChange:
    """The last time that somebody published or unpublished a flow."""

    version: str | None
    """The version that was published; None where the flow was unpublished."""
    at: datetime
    by: str | None = None
    """A person's name, or a client's."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """One observation of an organisation."""

    flows: Mapping[FlowKey, LiveFlow]
    observed_at: datetime
    references: Mapping[FlowKey, tuple[FlowReference, ...]] = field(default_factory=dict)
    """What pinned versions refer to; only for the flows whose sources do not tell."""
    digests: Mapping[FlowKey, str] = field(default_factory=dict)
    """Canonical digest of the exported live version, for flows that no record knows yet."""
    ambiguous: frozenset[FlowKey] = frozenset()
    """Keys that more than one flow carries; nothing may be done to them."""
    consumers: Mapping[FlowKey, tuple[FlowKey, ...]] = field(default_factory=dict)
    """Who consumes the live version of flows that may be pruned, as the organisation's own index knows."""
    consumers_unknown: Mapping[FlowKey, str] = field(default_factory=dict)
    """Flows that may be pruned and whose consumers could not be told, with the reason; nobody may remove them."""
    versions: Mapping[FlowKey, tuple[VersionInfo, ...]] = field(default_factory=dict)
    """All versions, newest first: only of flows whose pinned or recorded version is not the live one."""
    undetermined: Mapping[FlowKey, str] = field(default_factory=dict)
    """Flows of which the organisation's answers do not agree about what is live, with what they tell."""
    hand_changes: Mapping[FlowKey, HandChange] = field(default_factory=dict)
    """Who moved managed flows that are not as they were recorded; words for people, no part of what a plan is."""
    partial: tuple[str, ...] = ()
    """What could not be read, in words; a plan made on a partial observation says so."""

    def by_id(self) -> dict[str, LiveFlow]:
        """The same flows keyed by their id."""
        return {flow.id: flow for flow in self.flows.values()}
