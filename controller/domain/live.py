"""The live state of an organisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference
from controller.domain.resources import ResourceListing
from controller.domain.versions import VersionInfo


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The holder of a flow's lock: a person in Architect, or a service client."""

    name: str
    kind: str = "user"
    """`user` or `client`."""
    since: datetime | None = None
    id: str | None = None

    def is_client(self, identity: str | None) -> bool:
        """Whether the holder is the service client with this id or name. Our own lock does not block us."""
        return self.kind == "client" and identity is not None and identity in (self.id, self.name)


@dataclass(frozen=True, slots=True)
class LiveFlow:
    id: str
    key: FlowKey
    published_version: str | None
    checked_in_version: str | None = None
    locked_by: LockHolder | None = None
    status: str = "published"
    """`draft`, `published`, `deployed` or `archived`; derived if the dialect does not report it."""
    published_at: datetime | None = None
    published_by: str | None = None
    author_id: str | None = None
    """The id of the person or client that made the published version."""
    division: str | None = None
    has_draft: bool = False


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last publish or unpublish of a flow."""

    version: str | None
    """The published version; None for an unpublish."""
    at: datetime
    by: str | None = None
    """The name of a person or a client."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """One observation of an organisation."""

    flows: Mapping[FlowKey, LiveFlow]
    observed_at: datetime
    references: Mapping[FlowKey, tuple[FlowReference, ...]] = field(default_factory=dict)
    """References of pinned versions, for flows without a source file."""
    digests: Mapping[FlowKey, str] = field(default_factory=dict)
    """Canonical digest of the exported live version, for flows without a record."""
    ambiguous: frozenset[FlowKey] = frozenset()
    """Keys that several flows share; such flows must not be changed."""
    consumers: Mapping[FlowKey, tuple[FlowKey, ...]] = field(default_factory=dict)
    """Consumers of flows that may be pruned, by the organisation's own index."""
    consumers_unknown: Mapping[FlowKey, str] = field(default_factory=dict)
    """Flows that may be pruned but have unknown consumers, with the reason; they must not be removed."""
    versions: Mapping[FlowKey, tuple[VersionInfo, ...]] = field(default_factory=dict)
    """All versions, newest first; only for flows with a pinned or recorded version that is not live."""
    undetermined: Mapping[FlowKey, str] = field(default_factory=dict)
    """Flows with contradictory answers about the live version, with these answers as text."""
    resources: Mapping[str, ResourceListing] = field(default_factory=dict)
    """What the organisation has of the kinds of resources that flows to be published need, by kind."""
    last_changes: Mapping[FlowKey, LastChange] = field(default_factory=dict)
    """Authors of out-of-band changes to managed flows; for display, without effect on the plan."""
    partial: tuple[str, ...] = ()
    """Messages about parts that could not be read. A plan from a partial observation shows them."""
