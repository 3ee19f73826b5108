"""The plan as a value: sorted, frozen, digested over all its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.domain.desired import DesiredFlow
from controller.domain.errors import PenstockError
from controller.domain.identity import FlowKey
from controller.domain.references import BINDING_TYPES
from controller.domain.status import StepState


class ChangeKind(StrEnum):
    CREATE = "create"
    PUBLISH = "publish"
    SWITCH = "switch"
    REPUBLISH = "republish"
    RESTORE = "restore"
    ADOPT = "adopt"
    RENAME = "rename"
    UNPUBLISH = "unpublish"
    DELETE = "delete"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a change cannot be carried out now; `code` is a heading of docs/reference/errors.md."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is to happen to one flow."""

    flow: str
    """`metadata.name`; for a flow that no manifest names any more, the recorded one."""
    key: FlowKey
    kind: ChangeKind
    flow_id: str | None
    from_version: str | None
    to_version: str | None
    """The version that will be live; None where the organisation will choose the number."""
    reason: str
    wave: int
    """From 1: the length of the longest chain of changes below it; only for people."""
    depends_on: tuple[str, ...] = ()
    """The `flow`s of this plan that must be done first."""
    group: tuple[str, ...] = ()
    """The `flow`s of this plan that are deployed as one, this one among them, in order; empty where it goes alone."""
    blocked: Blocked | None = None
    dependency_digest: str = ""
    from_published_at: datetime | None = None
    """When `from_version` was published, by the organisation's clock: the same version may be published again."""
    previous_digest: str = ""
    """The dependency digest that `from_version` was recorded with; empty where no record tells."""
    consumes: tuple[FlowKey, ...] = ()
    """The flows that it consumes directly: managed ones, and others whose version it keeps."""
    desired: DesiredFlow | None = None
    """What to deliver; None for flows that no manifest names."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference that someone made by hand, or that the recorded state cannot explain."""

    flow: str
    key: FlowKey
    kind: str
    """`version` (published by hand), `undetermined` (the dialect does not tell what is live), `missing` (deleted by
    hand), `draft`, `lock`, `orphaned` (manifest is gone), `stale-binding`."""
    expected: str | None
    actual: str | None
    message: str

    @property
    def informative(self) -> bool:
        """Whether it only tells that someone is at work: a lock or a draft leaves what is live as it was."""
        return self.kind in ("lock", "draft")


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What a delivery that is not at its end is about to change, and what does not show in what is live yet."""

    flow: str
    key: FlowKey
    kind: ChangeKind
    state: StepState
    revision: str
    """The commit that is delivered."""
    from_version: str | None
    """What was live before; where it is `rolling-back` this comes back."""
    to_version: str | None
    """None where the organisation chooses the number."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What keeps all or a part of a plan from being carried out at this very moment, and the way out."""

    flow: str | None
    """The change that is left out; None where nothing of the plan is carried out."""
    code: str
    message: str
    hint: str | None

    @classmethod
    def of(cls, error: PenstockError) -> HeldBack:
        """Why nothing of the plan is carried out."""
        return cls(None, error.code, error.message, error.hint)

    def __str__(self) -> str:
        what = "apply would be refused now" if self.flow is None else f"apply would leave out {self.flow} now"
        way_out = f"; {self.hint}" if self.hint else ""
        return f"{what}: {self.message}{way_out} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes for one organisation, in deployment order."""

    organization: str
    revision: str
    digest: str
    changes: tuple[Change, ...]
    """Every managed flow, those in sync with kind NONE included."""
    drift: tuple[Drift, ...] = ()
    unmanaged: int = 0
    cycles: tuple[tuple[str, ...], ...] = ()
    """One shortest cycle for each strongly connected component: a, b, a."""
    warnings: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    """The flows that are left alone, whatever git asks for; all of them where the organisation is."""
    under_way: tuple[UnderWay, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    """Refusals at the moment when it was looked at; no part of the digest."""

    @property
    def actions(self) -> tuple[Change, ...]:
        """The changes that do something, blocked ones included."""
        return tuple(change for change in self.changes if change.kind is not ChangeKind.NONE)

    @property
    def empty(self) -> bool:
        return not self.actions

    def summary(self) -> Mapping[str, int]:
        """How many changes there are of each kind, zeros included, plus `blocked`."""
        counts = {kind.value: 0 for kind in ChangeKind}
        for change in self.changes:
            counts[change.kind.value] += 1
        return counts | {"blocked": sum(change.blocked is not None for change in self.changes)}


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A wish that was rolled back and is not tried again until git changes."""

    key: FlowKey
    wanted: str
    """The `DesiredFlow.wanted` that failed."""
    reason: str


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A version that a delivery made live, and that is not recorded yet: nobody's hand."""

    key: FlowKey
    version: str
    wanted: str
    """The `DesiredFlow.wanted` that it was made live for."""


@dataclass(frozen=True, slots=True)
class Authored:
    """A version that a delivery made live and recorded, later than what the record in git tells: git was taken back."""

    key: FlowKey
    version: str


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan depends on besides desired, live and recorded state."""

    revision: str
    quarantines: tuple[Quarantine, ...] = ()
    unrecorded: tuple[Unrecorded, ...] = ()
    """Of deliveries that are not at their end; a pass that delivers goes on with them before it plans."""
    authored: tuple[Authored, ...] = ()
    """What is live of deliveries that git does not hold any more; a pass that delivers does what git asks for now."""
    under_way: tuple[UnderWay, ...] = ()
    """Words for people: no part of what the plan does."""
    former: tuple[str, ...] = ()
    """Records of the same organisation under other names, in words for people."""
    organization_id: str | None = None
    """The organisation's own id, where it tells it."""
    client_name: str | None = None
    """Our client's id or name in the organisation, so that our own locks do not block us."""
    binds_at_publish: frozenset[str] = BINDING_TYPES
    """Types whose version the caller keeps when it is published."""
