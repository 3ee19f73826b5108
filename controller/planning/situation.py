"""One flow as planning finds it: what is wanted, what is live, what was recorded, and what its callees will do."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, PinnedVersion, SourceFile
from controller.domain.identity import FlowKey
from controller.domain.live import HandChange, LiveFlow
from controller.domain.recorded import RecordedFlow
from controller.domain.versions import VersionInfo, pinned_number
from controller.planning.model import Unrecorded


@dataclass(frozen=True, slots=True)
class MovedBinding:
    """A consumed flow whose version is, or will be, another than the consumer was published with."""

    key: FlowKey
    bound: str | None
    """The version that the consumer keeps; None where it is not known."""
    current: str | None
    """The version that will be live; None where this plan publishes a new one."""

    def __str__(self) -> str:
        bound = f"bound to {self.bound}" if self.bound else "bound to an earlier version"
        return f"{self.key} is {self.current or 'about to be published anew'} ({bound})"


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision about one flow depends on."""

    flow: DesiredFlow
    live: LiveFlow | None
    record: RecordedFlow | None
    hand_change: HandChange | None = None
    """Who published or unpublished the flow last, where it is not as it was recorded."""
    unrecorded: Unrecorded | None = None
    """What is live, where a delivery that is not at its end made it so."""
    authored: bool = False
    """Whether the version that is live was delivered and recorded, and git was taken back behind that since."""
    dialect: str = ""
    """The dialect that the organisation is asked in."""
    live_digest: str | None = None
    """Digest of the live version's export, where no record knows the flow."""
    ambiguous: bool = False
    contradicted: bool = False
    """Whether the organisation's answers do not agree about what is live."""
    versions: tuple[VersionInfo, ...] = ()
    """All versions of the flow, where they were read."""
    moved: tuple[MovedBinding, ...] = ()
    heal: bool = False
    previous: LiveFlow | None = None
    """The live flow under the name that this one had before."""
    old_name_consumers: tuple[str, ...] = ()
    """Ids of managed flows that refer to the previous name."""

    @property
    def pinned(self) -> str | None:
        """The number of the version that the manifest pins, by number or by id; None when it has a source file."""
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
    def same_wish(self) -> bool:
        """Whether git asks for just what was last recorded."""
        if self.record is None:
            return False
        if self.pinned is not None:
            return self.record.source_digest is None and self.record.version == self.pinned
        return self.record.source_digest == self.source_digest

    @property
    def recreated(self) -> bool:
        """Whether the flow was deleted by hand and another one carries its name now."""
        return self.record is not None and self.live is not None and self.record.flow_id != self.live.id

    @property
    def moved_by_hand(self) -> bool:
        """Whether somebody else made another version live than the recorded one."""
        if self.record is None or self.authored or self.undetermined:
            return False
        return self.recreated or self.live_version != self.record.version

    @property
    def undetermined(self) -> bool:
        """Whether the version was recorded in another dialect, and this one shows none: that proves nothing."""
        if self.record is None or self.live is None or self.live.published_version is not None or self.recreated:
            return False
        return self.record.dialect not in (None, self.dialect)
