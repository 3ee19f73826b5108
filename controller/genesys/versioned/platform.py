"""The versioned dialect: per-version endpoints, staged rollouts, atomic switches and traces."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Self

from controller.domain.capabilities import VERSIONED
from controller.domain.desired import DesiredFlow
from controller.genesys.part import ConnectedPlatform
from controller.genesys.transport import Transport
from controller.genesys.versioned.debugging import VersionedActionTraces
from controller.genesys.versioned.flows import VersionedFlows
from controller.genesys.versioned.listing import CachedListing
from controller.genesys.versioned.publish import VersionedPublishing
from controller.genesys.versioned.traces import VersionedExecutions, VersionedTraces
from controller.genesys.versioned.versions import VersionDirectory, VersionedVersions


class VersionedPlatform(ConnectedPlatform):
    dialect = VERSIONED
    flows: VersionedFlows

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        listing, versions = CachedListing(transport), VersionDirectory(transport)
        self.flows = VersionedFlows(transport, listing, versions)
        self.versions = VersionedVersions(transport, listing, versions)
        self.publishing = VersionedPublishing(transport, self.flows, listing, versions)
        self.listed_definitions = listing
        self.executions = VersionedExecutions(transport, versions)
        self.traces = VersionedTraces(transport)
        self.action_traces = VersionedActionTraces(transport)

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:
        view = copy(self)
        view.flows = self.flows.called_by(flows)
        return view
