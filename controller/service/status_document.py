"""What `GET /status` answers: the state of all organisations from the store, the same in every replica."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import structlog

from controller.domain.documents import filled
from controller.domain.errors.process import StoreFailed
from controller.domain.status import Health, SyncStatus
from controller.genesys.latency import RouteLatency
from controller.service.board import Board, BoardEntry
from controller.store.replicas import Roster
from controller.store.running import RunningPass
from controller.store.store import Store
from controller.store.views import OrganizationView

log = structlog.get_logger()

Latencies = Callable[[], Mapping[str, Sequence[RouteLatency]]]
"""By organisation, how long its calls took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedChangeDocument:
    """A change of the running delivery that has begun."""

    flow: str
    """As in a plan."""
    kind: str
    """The planned change, such as `publish`."""
    state: str
    """A state of a change, or `uploading`, `waiting`, `paused` or `parked`."""
    version: str | None
    """The version that it is about."""
    since: datetime
    """When this state began."""
    until: datetime | None
    """When it is expected to end, such as the end of a bake."""
    percent: float | None
    """How much of the state is over, from 0 to 100; null where nobody knows."""
    message: str
    """What it waits for, or why it failed; for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPassDocument:
    """A pass that is under way: a delivery, or a look that takes longer than a second."""

    holder: str
    """The controller that runs it."""
    step: str
    """The step of the pass that it is in."""
    since: datetime
    """When it was shown first."""
    beat_at: datetime
    """When the controller was last heard from."""
    heard: bool
    """Whether that is less than the time of a lease ago. If not, the controller may have died; another resumes."""
    done: int | None
    """How many of `total` are done in this step."""
    total: int | None
    """Null where there is nothing to count."""
    flows: Sequence[ServedChangeDocument]
    """The changes of its delivery that have begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedOrganizationDocument:
    """An organisation in the service."""

    name: str
    """`metadata.name`."""
    sync: SyncStatus
    """As in `penstock.status/v1`."""
    health: Health
    """As in `penstock.status/v1`; `Progressing` while a flow is being changed."""
    revision: str | None
    """The commit of its last pass."""
    message: str
    """How that pass ended."""
    warnings: Sequence[str]
    """As in `penstock.status/v1`."""
    at: datetime
    """When, ISO 8601."""
    looked_fully_at: datetime | None
    """When all flows were last read. Passes since then saw publishes, but no other change."""
    calls: Sequence[RouteLatency]
    """How long calls of this process took, by route."""
    holder: str | None
    """The controller that ran that pass; null before the first one."""
    replica: str | None
    """The controller that looks after the organisation; null while none does, such as while one takes over."""
    running: ServedPassDocument | None
    """The pass that runs now; null between passes, and during short looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRepositoryDocument:
    """A repository that the service follows."""

    name: str
    """Its name in the configuration; `default` where variables describe it."""
    revision: str | None
    """The newest commit that was read without a mistake."""
    fault: str | None
    """Why a newer one could not be read, or which organisations in it are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatusDocument:
    """`GET /status` of `penstock run`: what the controllers know, without a call to any organisation."""

    schema: Literal["penstock.service-status/v1"] = "penstock.service-status/v1"
    revision: str | None
    """The newest commit that was read without a mistake; null where several repositories are followed."""
    fault: str | None
    """Why a newer one could not be read; of several repositories with their names."""
    repositories: Sequence[ServedRepositoryDocument]
    """One entry for each repository, in the order of the configuration."""
    organizations: Sequence[ServedOrganizationDocument]
    """One entry for each organisation of the manifests."""


def status_document(
    board: Board, latencies: Mapping[str, Sequence[RouteLatency]], store: Store | None
) -> ServiceStatusDocument:
    """The document. Where the store does not answer, it has what this process knows itself."""
    views, running, roster = _kept(store)
    return ServiceStatusDocument(
        revision=board.revision,
        fault=board.fault,
        repositories=[filled(ServedRepositoryDocument, each, fault=each.message) for each in board.repositories],
        organizations=[
            replace(
                _organization(
                    entry, views.get(entry.organization), running.get(entry.organization), latencies, board.clock.now()
                ),
                replica=None if roster is None else roster.holder(entry.organization),
            )
            for entry in board.entries()
        ],
    )


def _kept(store: Store | None) -> tuple[dict[str, OrganizationView], dict[str, RunningPass], Roster | None]:
    if store is None:
        return {}, {}, None
    try:
        views = {view.organization: view for view in store.views.organizations()}
        return views, {each.organization: each for each in store.running.all()}, store.replicas.roster()
    except StoreFailed as error:
        log.warning("live.not-read", error=error.message)
        return {}, {}, None


def _organization(
    entry: BoardEntry,
    view: OrganizationView | None,
    running: RunningPass | None,
    latencies: Mapping[str, Sequence[RouteLatency]],
    now: datetime,
) -> ServedOrganizationDocument:
    shown = None if running is None else _pass(running, now)
    calls = latencies.get(entry.organization, ())
    # The store may have missed the last pass of this process; that of another one may be newer.
    if view is None or (view.at < entry.at and not entry.awaited):
        return filled(
            ServedOrganizationDocument,
            entry,
            name=entry.organization,
            sync=entry.status,
            calls=calls,
            holder=None,
            replica=None,
            running=shown,
        )
    return filled(
        ServedOrganizationDocument,
        view,
        name=view.organization,
        calls=calls,
        holder=view.holder or None,
        replica=None,
        running=shown,
    )


def _pass(running: RunningPass, now: datetime) -> ServedPassDocument:
    flows = [filled(ServedChangeDocument, flow, percent=flow.progress(now)) for flow in running.flows]
    return filled(ServedPassDocument, running, heard=running.heard, flows=flows)
