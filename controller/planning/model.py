"""The plan as an immutable, sorted value with a digest over all its inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.domain.desired import DesiredFlow
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import SafetyLimit
from controller.domain.identity import FlowKey
from controller.domain.resources import MissingResource
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


_WAITS = frozenset({"consumers-unknown", "dependency-blocked", "flow-locked", "live-undetermined", "not-confirmed"})


@dataclass(frozen=True, slots=True)
class Blocked:
    """A block.

    A change cannot be carried out now.
    """

    code: str
    """A heading of `errors.md`."""
    message: str
    """The reason, with the way out."""

    @property
    def waits(self) -> bool:
        """Whether time or a person's decision lifts it; no commit is needed."""
        return self.code in _WAITS


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one flow."""

    flow: str
    """`metadata.name`; the recorded name for a flow that is no longer in any manifest."""
    key: FlowKey
    kind: ChangeKind
    flow_id: str | None
    from_version: str | None
    to_version: str | None
    """The future live version; None if the organisation will choose the number."""
    reason: str
    wave: int
    """Length of the longest chain of changes up to this one, from 1; only for display."""
    depends_on: tuple[str, ...] = ()
    """The `flow`s of this plan that must come first."""
    group: tuple[str, ...] = ()
    """The `flow`s deployed as one with this one, itself included, in order; empty for a change of its own."""
    blocked: Blocked | None = None
    dependency_digest: str = ""
    from_published_at: datetime | None = None
    """Publish time of `from_version` by the organisation's clock: one version can be published repeatedly."""
    previous_digest: str = ""
    """The dependency digest recorded with `from_version`; empty without a record."""
    consumes: tuple[FlowKey, ...] = ()
    """The flows that it consumes directly: managed ones, and others that it is bound to."""
    desired: DesiredFlow | None = None
    """The desired state to deliver; None for flows without a manifest."""
    warnings: tuple[str, ...] = ()
    cause: str = ""
    """The reason without names and versions of this flow, so that several changes can share it."""
    follows: tuple[FlowKey, ...] = ()
    """The consumed flows whose other version is the only reason for a republish; for display."""
    missing: tuple[MissingResource, ...] = ()
    """The resources that its flow file names and the organisation lacks."""

    @property
    def shared_reason(self) -> str:
        """The reason in words that hold for every flow that changes for it."""
        return self.cause or self.reason


@dataclass(frozen=True, slots=True)
class Drift:
    """An out-of-band change, or a difference that the recorded state cannot explain."""

    flow: str
    key: FlowKey
    kind: str
    """`version` (published out of band), `undetermined` (the dialect does not show the live version), `missing`
    (deleted out of band), `draft`, `lock`, `orphaned` (manifest is gone), `stale-binding`."""
    expected: str | None
    actual: str | None
    message: str
    cause: str = ""
    """The message without names and versions of this flow; empty where it is about this flow alone."""

    @property
    def informative(self) -> bool:
        """Whether it is information only: a lock or a draft does not change the live version."""
        return self.kind in ("lock", "draft")


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A change of an unfinished delivery that does not show in the live state yet."""

    flow: str
    key: FlowKey
    kind: ChangeKind
    state: StepState
    revision: str
    """The delivered commit."""
    from_version: str | None
    """The version that was live before; in state `rolling-back`, the version to restore."""
    to_version: str | None
    """None if the organisation chooses the number."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A refusal.

    All or part of a plan cannot be carried out at this moment.
    """

    flow: str | None
    """The change that would be left out; null if the whole plan would be refused."""
    code: str
    """A heading of `errors.md`."""
    message: str
    """The reason."""
    hint: str | None
    """The next step."""

    @classmethod
    def of(cls, error: PenstockError) -> HeldBack:
        """The refusal of the whole plan."""
        return cls(None, error.code, error.message, error.hint)

    def __str__(self) -> str:
        what = "apply would be refused now" if self.flow is None else f"apply would leave out {self.flow} now"
        way_out = f"; {self.hint}" if self.hint else ""
        return f"{what}: {self.message}{way_out} [{self.code}]"


@dataclass(frozen=True, slots=True)
class BaseView:
    """The part of a plan that a branch causes: what it changes compared with the plan of its base.

    Changes, drift and refusals that the base's plan has as well were there before; they are only counted.
    """

    ref: str
    """The base as it was named, for people."""
    revision: str
    """The base's commit."""
    flows: tuple[str, ...] = ()
    """The `flow`s of the plan's changes that the base's plan has not, or has otherwise; in the plan's order."""
    vanished: tuple[Change, ...] = ()
    """Changes of the base's plan that the branch makes unnecessary."""
    settings: tuple[str, ...] = ()
    """Other flows that the branch adds, removes, or gives other settings (gates, rollout, labels)."""
    policy: tuple[str, ...] = ()
    """Keys of the organisation's `spec` that the branch changes; the plan follows the base's until the merge."""
    drift: tuple[Drift, ...] = ()
    """Drift that the branch causes, such as a flow whose manifest it removes."""
    held_back: tuple[HeldBack, ...] = ()
    """Refusals that the base's plan has not."""
    hidden_changes: int = 0
    """Changes of the plan that were there before."""
    hidden_drift: int = 0

    @property
    def empty(self) -> bool:
        """Whether the branch changes nothing of the plan."""
        return not (self.flows or self.vanished or self.settings or self.policy or self.drift)


@dataclass(frozen=True, slots=True)
class Unplanned:
    """An organisation without a plan.

    The branch adds or removes it, or its plan cannot be made before the merge.
    """

    organization: str
    """`metadata.name` of the organisation."""
    reason: str
    """Why there is no plan, for people."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes for one organisation, in deployment order."""

    organization: str
    revision: str
    digest: str
    changes: tuple[Change, ...]
    """All managed flows; those in sync have kind NONE."""
    drift: tuple[Drift, ...] = ()
    unmanaged: int = 0
    cycles: tuple[tuple[str, ...], ...] = ()
    """One shortest cycle for each strongly connected component: a, b, a."""
    warnings: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    """Suspended flows, which Penstock leaves alone; all flows of a suspended organisation."""
    under_way: tuple[UnderWay, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    """Refusals at the time of the check. The digest does not cover them."""
    organization_id: str | None = None
    """The organisation's own id, if its API reports it."""
    region: str | None = None
    """The organisation's Genesys domain; None if its manifest gives addresses instead."""
    view: BaseView | None = None
    """What a branch changes in this plan; None for a plan without a base. The digest does not cover it."""

    @property
    def actions(self) -> tuple[Change, ...]:
        """The changes that do something, blocked ones included."""
        return tuple(change for change in self.changes if change.kind is not ChangeKind.NONE)

    @property
    def shown(self) -> tuple[Change, ...]:
        """The changes to show: all that do something, or those of the view against the base."""
        if self.view is None:
            return self.actions
        flows = frozenset(self.view.flows)
        return tuple(change for change in self.actions if change.flow in flows)

    @property
    def shown_drift(self) -> tuple[Drift, ...]:
        """The drift to show: all of it, or that of the view against the base."""
        return self.drift if self.view is None else self.view.drift

    @property
    def empty(self) -> bool:
        return not self.actions

    @property
    def needs_commit(self) -> bool:
        """Whether a commit has to mend something before all of the shown changes can be delivered.

        Changes that wait for a person, a window, a lock or another controller do not count, nor does what the base of a
        view has as well.
        """
        refusals = self.held_back if self.view is None else self.view.held_back
        blocks = [change.blocked for change in self.shown if change.blocked]
        return not all(each.waits for each in blocks) or any(each.code == SafetyLimit.code for each in refusals)

    def summary(self) -> Mapping[str, int]:
        """Number of changes by kind, zeros included, plus `blocked`."""
        return summary_of(self.changes)


def summary_of(changes: Collection[Change]) -> Mapping[str, int]:
    """Number of changes by kind, zeros included, plus `blocked`."""
    counts = {kind.value: 0 for kind in ChangeKind}
    for change in changes:
        counts[change.kind.value] += 1
    return counts | {"blocked": sum(change.blocked is not None for change in changes)}
