"""The recorded state: what the controller last delivered, as its lock file in git tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.identity import FlowKey

NO_REVISION = "none"
"""The revision of a folder without git, or of a repository without commits."""


@dataclass(frozen=True, slots=True)
class RecordedFlow:
    """One flow as it was when it was last delivered or adopted."""

    key: FlowKey
    manifest: str
    """`metadata.name` of the manifest that asked for it."""
    flow_id: str
    version: str
    """The version that was live."""
    source_digest: str | None
    """Digest of the source it came from; None for a pinned version."""
    export_digest: str | None
    """Digest of the export of that version; None where it could not be exported."""
    dependency_digest: str
    """P3: over the content and version of the flow and of all it consumes, transitively."""
    consumed: Mapping[FlowKey, str] = field(default_factory=dict)
    """Versions of the flows that it consumed when it was published."""
    revision: str | None = None
    """The commit that asked for it."""
    recorded_at: datetime | None = None
    dirty: bool = False
    """Whether it was delivered from a working tree with uncommitted changes."""
    dialect: str | None = None
    """The dialect that told the version; None in records that do not tell it yet."""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """The lock file of one organisation; empty before the first delivery."""

    organization: str
    """What the manifest calls it."""
    flows: Mapping[FlowKey, RecordedFlow] = field(default_factory=dict)
    organization_id: str | None = None
    """The organisation's own id; None where it could not be told."""
    store_id: str | None = None
    """The store of whoever recorded last; None in records that do not tell it yet."""

    def of(self, organization_id: str | None) -> RecordedState:
        """This record where it may be of that organisation; the empty one where it is of another with the same name."""
        if None in (self.organization_id, organization_id) or self.organization_id == organization_id:
            return self
        return RecordedState(self.organization)
