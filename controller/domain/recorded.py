"""The recorded state: the last delivery, from the lock file in git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.identity import FlowKey

NO_REVISION = "none"
"""The revision of a folder without git, or of a repository without commits."""


@dataclass(frozen=True, slots=True)
class RecordedFlow:
    """One flow at its last delivery or adoption."""

    key: FlowKey
    manifest: str
    """`metadata.name` of its manifest."""
    flow_id: str
    version: str
    """The version that was live."""
    source_digest: str | None
    """Digest of the source; None for a pinned version."""
    export_digest: str | None
    """Digest of that version's export; None if the export failed."""
    dependency_digest: str
    """P3: digest over the content and version of the flow and of all it consumes, transitively."""
    consumed: Mapping[FlowKey, str] = field(default_factory=dict)
    """Versions of the consumed flows at the time of publish."""
    revision: str | None = None
    """The delivered commit."""
    recorded_at: datetime | None = None
    dirty: bool = False
    """Whether it was delivered from a working tree with uncommitted changes."""
    dialect: str | None = None
    """The dialect that reported the version; None in older records."""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """The lock file of one organisation; empty before the first delivery."""

    organization: str
    """The name of the organisation in the manifest."""
    flows: Mapping[FlowKey, RecordedFlow] = field(default_factory=dict)
    organization_id: str | None = None
    """The organisation's own id; None if it is unknown."""
    store_id: str | None = None
    """The id of the store that made the last record; None in older records."""
    server: str | None = None
    """Where people reach the controller of that store; None if it tells no address, or a command recorded."""

    def of(self, organization_id: str | None) -> RecordedState:
        """This record, or an empty one if it belongs to another organisation of the same name."""
        if None in (self.organization_id, organization_id) or self.organization_id == organization_id:
            return self
        return RecordedState(self.organization)


def commit_or_none(revision: str | None) -> str | None:
    """A commit's id; None where the manifests come from no commit."""
    return None if revision == NO_REVISION else revision
