"""The inputs of one flow's decision: desired, live and recorded state, and the outcome of its callees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, PinnedVersion, SourceFile
from controller.domain.identity import FlowKey
from controller.domain.live import LastChange, LiveFlow
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.versions import VersionInfo, pinned_number
from controller.planning.inputs import Unrecorded


@dataclass(frozen=True, slots=True)
class MovedBinding:
    """A consumed flow that has, or will have, another version than its consumer was published with."""

    key: FlowKey
    bound: str | None
    """The version that the consumer keeps; None if unknown."""
    current: str | None
    """The future live version; None if this plan publishes a new one."""

    def __str__(self) -> str:
        bound = f"bound to {self.bound}" if self.bound else "bound to an earlier version"
        return f"{self.key} is {self.current or 'about to be published anew'} ({bound})"


@dataclass(frozen=True, slots=True)
class Situation:
    """All inputs of the decision about one flow."""

    flow: DesiredFlow
    live: LiveFlow | None
    record: RecordedFlow | None
    last_change: LastChange | None = None
    """The last publish or unpublish, if the live version is not the recorded one."""
    unrecorded: Unrecorded | None = None
    """The live version, if an unfinished delivery made it live."""
    authored: bool = False
    """Whether the live version was delivered and recorded, but git was reset to an earlier record since."""
    dialect: str = ""
    """The organisation's dialect."""
    live_digest: str | None = None
    """Digest of the live version's export, for flows without a record."""
    ambiguous: bool = False
    contradicted: bool = False
    """Whether the organisation's answers disagree about the live version."""
    versions: tuple[VersionInfo, ...] = ()
    """All versions of the flow, if they were read."""
    moved: tuple[MovedBinding, ...] = ()
    heal: bool = False
    previous: LiveFlow | None = None
    """The live flow that still has the previous name of this one, unless that name is ambiguous."""
    old_name_consumers: tuple[str, ...] = ()
    """Ids of managed flows that refer to the previous name."""

    @property
    def pinned(self) -> str | None:
        """The number of the pinned version, which the manifest names by number or id; None for a source file."""
        if not isinstance(self.flow.source, PinnedVersion):
            return None
        return pinned_number(self.versions, self.flow.source.version)

    @property
    def source_digest(self) -> str | None:
        return self.flow.source.digest if isinstance(self.flow.source, SourceFile) else None

    @property
    def live_version(self) -> str | None:
        return self.live.published_version if self.live else None

    @property
    def unchanged_in_git(self) -> bool:
        """Whether the desired state equals the recorded one."""
        if self.record is None:
            return False
        if self.pinned is not None:
            return self.record.source_digest is None and self.record.version == self.pinned
        return self.record.source_digest == self.source_digest

    @property
    def recreated(self) -> bool:
        """Whether the flow was deleted out of band and another flow has its name now."""
        return self.record is not None and self.live is not None and self.record.flow_id != self.live.id

    @property
    def moved_by_hand(self) -> bool:
        """Whether an out-of-band change made another version live than the recorded one."""
        if self.record is None or self.authored or self.undetermined:
            return False
        return self.recreated or self.live_version != self.record.version

    @property
    def undetermined(self) -> bool:
        """Whether the live version is unknown because the record is of another dialect and this one shows none."""
        if self.record is None or self.live is None or self.live.published_version is not None or self.recreated:
            return False
        return self.record.dialect not in (None, self.dialect)


def previous_keys(flows: Mapping[FlowKey, DesiredFlow], recorded: RecordedState) -> dict[FlowKey, FlowKey]:
    """Previous keys of renamed flows: from `spec.renamedFrom`, else the flow last delivered from the manifest.

    A name that another manifest uses now is not a previous name.
    """
    delivered = {(record.manifest, record.key.type): record.key for record in sorted(recorded.flows.values(), key=_age)}
    found: dict[FlowKey, FlowKey] = {}
    for key, flow in flows.items():
        if flow.previous_name is not None:
            previous: FlowKey | None = FlowKey(key.type, flow.previous_name)
        else:
            previous = delivered.get((flow.id, key.type)) if key not in recorded.flows else None
        if previous is not None and previous != key and previous not in flows:
            found[key] = previous
    return found


def _age(record: RecordedFlow) -> tuple[float, FlowKey]:
    """Sort key: time of the record (records without one first), then flow key."""
    return (record.recorded_at.timestamp() if record.recorded_at is not None else 0, record.key)
