"""Reading flows: from the listing, and where it matters what is live, from the list of versions as well."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from typing import Self

from controller.domain.desired import DesiredFlow
from controller.domain.errors import AmbiguousFlow, NotFound
from controller.domain.identity import FlowKey
from controller.domain.live import HandChange, LiveFlow
from controller.domain.platform import FlowListing, Priority
from controller.genesys.part import Part
from controller.genesys.transport import Transport
from controller.genesys.versioned import live
from controller.genesys.versioned.listing import CachedListing, live_flow, lock_holder
from controller.genesys.versioned.naming import FlowNames
from controller.genesys.versioned.versions import VersionReader
from controller.genesys.wire.versioned import FlowEntity


class VersionedFlows(Part):
    """Implements `Flows`."""

    def __init__(self, transport: Transport, listing: CachedListing, versions: VersionReader) -> None:
        super().__init__(transport)
        self._listing = listing
        self._versions = versions
        self._names = FlowNames()

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:
        """The same reader, with flows called as these manifests call them."""
        view = copy(self)
        view._names = FlowNames(flows)  # noqa: SLF001 - its own copy
        return view

    async def listing(self, *, fresh: bool = False) -> FlowListing:
        """From the last listing where it is not older than the settings allow and nothing was written since."""
        entities = await self._listing.flows(fresh=fresh, priority=self._usually(Priority.OBSERVE))
        return FlowListing([self._flow(entity) for entity in entities.values()], complete=self._listing.complete)

    async def get(self, flow_id: str) -> LiveFlow | None:
        """What is live is certain when the flow's versions and the listing agree; both are read again when not.

        Only the listing tells of locks: it is read anew while it shows one, and after every 409.
        """
        priority = self._usually(Priority.PUBLISH)
        for fresh in (False, True):
            entity = await self._listed(flow_id, fresh=fresh, priority=priority)
            try:
                versions = await self._versions.read(flow_id, priority)
            except NotFound:
                versions = None
            if live.agree(entity, versions, fresh=fresh):
                return live.flow_of(entity, versions, self._names)
        raise live.undetermined(flow_id, entity, versions)

    async def get_many(self, flow_ids: Collection[str]) -> Mapping[str, LiveFlow]:
        entities = await self._listing.flows(priority=self._usually(Priority.OBSERVE)) if flow_ids else {}
        return {flow_id: self._flow(entities[flow_id]) for flow_id in flow_ids if flow_id in entities}

    async def find(self, key: FlowKey) -> LiveFlow | None:
        entities = await self._listing.flows(fresh=True, priority=self._usually(Priority.PUBLISH))
        found = [flow for flow in map(self._flow, entities.values()) if flow.key == key]
        if len(found) > 1:
            ids = ", ".join(sorted(flow.id for flow in found))
            raise AmbiguousFlow(
                f"{key}: {len(found)} flows carry this type and name ({ids})", hint="rename all but one"
            )
        return found[0] if found else None

    async def last_change(self, flow_id: str) -> HandChange | None:  # noqa: ARG002 - the listing says everything
        return None

    def _flow(self, entity: FlowEntity) -> LiveFlow:
        return live_flow(entity, self._names)

    async def _listed(self, flow_id: str, *, fresh: bool, priority: Priority) -> FlowEntity | None:
        entity = (await self._listing.flows(fresh=fresh, priority=priority)).get(flow_id)
        if entity is not None and not fresh and lock_holder(entity) is not None:
            return await self._listed(flow_id, fresh=True, priority=priority)
        return entity
