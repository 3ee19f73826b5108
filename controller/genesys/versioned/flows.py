"""Reading flows from the listing; the live version is read from the list of versions as well.

Either may lag behind a publish, and a list of versions may be cut short. The live version is certain only where both
agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Self

from controller.domain.desired import DesiredFlow
from controller.domain.errors.change import LiveUndetermined
from controller.domain.errors.organization import NotFound
from controller.domain.identity import FlowKey
from controller.domain.live import LastChange, LiveFlow
from controller.domain.platform import FlowListing, Priority
from controller.domain.versions import VersionInfo, live_candidates
from controller.genesys.part import PlatformPart, only_flow
from controller.genesys.transport import Transport
from controller.genesys.versioned.listing import CachedListing, live_flow, live_version, lock_holder
from controller.genesys.versioned.naming import FlowNames
from controller.genesys.versioned.versions import VersionDirectory
from controller.genesys.wire.versioned import FlowEntity


class VersionedFlows(PlatformPart):
    """Implements `Flows`."""

    def __init__(self, transport: Transport, listing: CachedListing, versions: VersionDirectory) -> None:
        super().__init__(transport)
        self._listing = listing
        self._versions = versions
        self._names = FlowNames()

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:
        """The same reader with the flow names of these manifests."""
        view = copy(self)
        view._names = FlowNames(flows)  # noqa: SLF001 - its own copy
        return view

    async def listing(self, *, fresh: bool = False) -> FlowListing:
        """The listing, cached within the age that the settings allow and until the next write."""
        entities = await self._listing.flows(fresh=fresh, priority=self._usually(Priority.OBSERVE))
        return FlowListing([self._flow(entity) for entity in entities.values()], complete=self._listing.complete)

    async def get(self, flow_id: str) -> LiveFlow | None:
        """Both are read again where the versions and the listing disagree about the live version.

        Only the listing shows locks: it is read anew while it shows one, and after every 409.
        """
        priority = self._usually(Priority.PUBLISH)
        for fresh in (False, True):
            entity = await self._listed(flow_id, fresh=fresh, priority=priority)
            try:
                versions = await self._versions.read(flow_id, priority)
            except NotFound:
                versions = None
            if agree(entity, versions, fresh=fresh):
                return flow_of(entity, versions, self._names)
        raise undetermined(flow_id, entity, versions)

    async def get_many(self, flow_ids: Collection[str]) -> Mapping[str, LiveFlow]:
        entities = await self._listing.flows(priority=self._usually(Priority.OBSERVE)) if flow_ids else {}
        return {flow_id: self._flow(entities[flow_id]) for flow_id in flow_ids if flow_id in entities}

    async def find(self, key: FlowKey) -> LiveFlow | None:
        entities = await self._listing.flows(fresh=True, priority=self._usually(Priority.PUBLISH))
        return only_flow(map(self._flow, entities.values()), key)

    async def last_change(self, flow_id: str) -> LastChange | None:  # noqa: ARG002 - the listing says everything
        return None

    def _flow(self, entity: FlowEntity) -> LiveFlow:
        return live_flow(entity, self._names)

    async def _listed(self, flow_id: str, *, fresh: bool, priority: Priority) -> FlowEntity | None:
        entity = (await self._listing.flows(fresh=fresh, priority=priority)).get(flow_id)
        if entity is not None and not fresh and lock_holder(entity) is not None:
            return await self._listed(flow_id, fresh=True, priority=priority)
        return entity


def agree(entity: FlowEntity | None, versions: Sequence[VersionInfo] | None, *, fresh: bool) -> bool:
    """Whether the listing and the versions agree; `versions` is None for a flow without any.

    If several versions are published, only the listing shows the live one, and it must be a `fresh` listing.
    """
    if entity is None or versions is None:
        return entity is None and versions is None
    candidates = live_candidates(versions)
    listed = live_version(entity)
    if listed is None:
        return not candidates
    return _live(candidates, listed) is not None and (fresh or len(candidates) == 1)


def flow_of(entity: FlowEntity | None, versions: Sequence[VersionInfo] | None, names: FlowNames) -> LiveFlow | None:
    """The flow from a listing and versions that agree; None if neither has it."""
    if entity is None or versions is None:
        return None
    flow = live_flow(entity, names)
    live = _live(live_candidates(versions), flow.published_version)
    return replace(
        flow,
        published_version=live.version if live else None,
        checked_in_version=versions[0].version if versions else None,
        status=live.status if live else "draft",
        published_at=live.published_at if live else None,
    )


def undetermined(flow_id: str, entity: FlowEntity | None, versions: Sequence[VersionInfo] | None) -> LiveUndetermined:
    """The error for a listing and versions that disagree, with the content of both."""
    if entity is None:
        listed = "the listing does not have it"
    else:
        listed = f"the listing shows {live_version(entity) or 'nothing'} live"
    if versions is None:
        shown = "it has no list of versions"
    else:
        shown = f"its versions show {' or '.join(info.version for info in live_candidates(versions)) or 'nothing'}"
    name = f"{entity.name} ({flow_id})" if entity else flow_id
    return LiveUndetermined(f"the live version of flow {name} cannot be determined: {listed}, {shown}")


def _live(candidates: Sequence[VersionInfo], listed: str | None) -> VersionInfo | None:
    return next((info for info in candidates if listed in (info.version, info.id)), None)
