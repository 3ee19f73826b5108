"""The inputs of a plan beside the desired, live and recorded state: facts of the journal and of the pass."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.identity import FlowKey
from controller.domain.references import BINDING_TYPES
from controller.planning.model import UnderWay


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A desired state that was rolled back. It is not tried again until git changes."""

    key: FlowKey
    wanted: str
    """The `DesiredFlow.wanted` that failed."""
    reason: str


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A version that a delivery made live but has not recorded yet. It is not an out-of-band change."""

    key: FlowKey
    version: str
    wanted: str
    """The `DesiredFlow.wanted` that it was delivered for."""


@dataclass(frozen=True, slots=True)
class Authored:
    """A version that a delivery made live and recorded after git's current record: git was reset since."""

    key: FlowKey
    version: str


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """Inputs of a plan in addition to desired, live and recorded state."""

    revision: str
    quarantines: tuple[Quarantine, ...] = ()
    unrecorded: tuple[Unrecorded, ...] = ()
    """Versions of unfinished deliveries. A pass that delivers resumes those before it plans."""
    authored: tuple[Authored, ...] = ()
    """Live versions of deliveries that git no longer holds. A pass that delivers replaces them."""
    under_way: tuple[UnderWay, ...] = ()
    """For display; without effect on the plan."""
    former: tuple[str, ...] = ()
    """For display: records of the same organisation under other names."""
    organization_id: str | None = None
    """The organisation's own id, if its API reports it."""
    client_name: str | None = None
    """Our client's id or name in the organisation. Locks held by it do not block a change."""
    binds_at_publish: frozenset[str] = BINDING_TYPES
    """Types of modules that a caller binds to one version when it is published."""
