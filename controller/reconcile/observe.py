"""Observes the live state of the organisation: what a plan needs beyond the `listing`.

Costs one listing (a call for each 500 flows) if nothing changed: facts about a version never change and are cached in
the store. Flows without a record cost further calls once. Consumers of flows to prune come from the organisation,
because manifests cover only some of its flows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion, SourceFile
from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.domain.errors.change import ExportFailed, LiveUndetermined, NoSuchVersion
from controller.domain.errors.organization import NotFound
from controller.domain.identity import FlowKey
from controller.domain.live import LastChange, LiveFlow, LiveState
from controller.domain.platform import Capability, Priority
from controller.domain.recorded import RecordedState
from controller.domain.references import FlowReference
from controller.domain.versions import VersionInfo, live_candidates
from controller.domain.waiting import Advance, for_each
from controller.reconcile.consumers import ask_consumers, prunable, too_new_for_the_index
from controller.reconcile.export_progress import ExportProgress
from controller.reconcile.listing import Listing
from controller.reconcile.pass_ import Listener
from controller.reconcile.switches import switchable
from controller.reconcile.version_reader import FactReader

log = structlog.get_logger()

V = TypeVar("V")
MOST_ASKED = 20
"""Largest number of histories read in one observation; more changes at once usually have one cause."""
Delivered = Callable[[Mapping[FlowKey, LiveFlow]], Collection[FlowKey]]
"""The live flows that an unfinished delivery of ours changed."""


async def observe_organization(
    listing: Listing, organization: Organization, delivered: Delivered, listener: Listener
) -> LiveState:
    """Read the live state of the organisation, with the details of managed flows that a plan needs.

    The first observation of an organisation can take minutes, because it reads each version; `listener` is told of the
    progress. A second one for another desired state asks only what the first did not.
    """
    services, platform, recorded, live = listing.services, listing.platform, listing.recorded, listing.live
    flows = dict(live.flows)
    looker = _Looker(listing, organization.name, flows, listener)
    orphans = prunable(organization, recorded, flows)
    references = await looker.references(organization.flows)
    consumers = await ask_consumers(platform, orphans, {flow.id: key for key, flow in flows.items()})
    if orphans:
        recent = await looker.references_of(
            too_new_for_the_index(flows.values(), services.clock.now() + platform.clock_ahead)
        )
        consumers.add(orphans, recent)
    digests = await looker.digests(organization.flows, recorded)
    versions = await looker.versions(organization, recorded, delivered(flows))
    undetermined = await looker.settle(versions)
    moved = await last_changes(listing, organization, flows, delivered(flows))
    return replace(
        live,
        flows=flows,
        observed_at=services.clock.now(),
        references=references,
        digests=digests,
        versions=versions,
        undetermined=undetermined,
        consumers=consumers.known,
        consumers_unknown=consumers.unknown,
        last_changes=moved,
        partial=(*live.partial, *looker.incomplete),
    )


class _Looker:
    """Reads facts that the listing lacks, through the store's cache."""

    def __init__(self, listing: Listing, organization: str, flows: dict[FlowKey, LiveFlow], listener: Listener) -> None:
        self._listener = listener
        self._clock = listing.services.clock
        self._organization = organization
        self._reader = FactReader(listing.services, listing.platform, organization)
        self._platform = listing.platform
        self._answers = listing.answers
        self._flows = flows
        self.incomplete: list[str] = []

    async def references(self, desired: Iterable[DesiredFlow]) -> dict[FlowKey, tuple[FlowReference, ...]]:
        """References of pinned versions (the desired ones, not the live ones)."""
        wanted = [
            (live, each.source.version)
            for each in desired
            if isinstance(each.source, PinnedVersion) and (live := self._flows.get(each.key))
        ]
        return await self._each(wanted, self._references_of)

    async def references_of(self, flows: Iterable[LiveFlow]) -> dict[FlowKey, tuple[FlowReference, ...]]:
        """References of the published versions of these flows."""
        wanted = [(flow, flow.published_version) for flow in flows if flow.published_version]
        return await self._each(wanted, self._references_of)

    async def digests(self, desired: Iterable[DesiredFlow], recorded: RecordedState) -> dict[FlowKey, str]:
        """Digests of live versions without a record, so that matching content is adopted."""
        if Capability.YAML_EXPORT not in self._platform.capabilities:
            return {}
        wanted = [
            (live, live.published_version)
            for each in desired
            if isinstance(each.source, SourceFile)
            and each.key not in recorded.flows
            and (live := self._flows.get(each.key))
            and live.published_version
        ]
        known = self._reader.known_exports() if wanted else {}
        digests = {live.key: known[live.id, version] for live, version in wanted if (live.id, version) in known}
        unknown = [(live, version) for live, version in wanted if (live.id, version) not in known]
        if not unknown:
            return digests
        progress = ExportProgress(self._organization, len(unknown), self._platform, self._clock, self._listener)
        return digests | await self._each(unknown, self._digest_of, progress.advance)

    async def versions(
        self, organization: Organization, recorded: RecordedState, delivered: Collection[FlowKey]
    ) -> dict[FlowKey, tuple[VersionInfo, ...]]:
        """The versions of flows that a change may switch to another existing version: a call for each flow.

        These are pinned flows, and flows to restore to their recorded version.
        """
        return await self._each(switchable(organization, recorded, delivered, self._flows), self._versions_of)

    async def settle(self, versions: Mapping[FlowKey, tuple[VersionInfo, ...]]) -> dict[FlowKey, str]:
        """Read a flow again if the listing and the versions disagree. Returns messages about undetermined ones."""
        if Capability.ATOMIC_SWITCH not in self._platform.capabilities:
            return {}
        undetermined: dict[FlowKey, str] = {}
        for key, infos in versions.items():
            listed = self._flows[key]
            candidates = [info.version for info in live_candidates(infos)]
            if listed.published_version in candidates or not (listed.published_version or candidates):
                continue
            try:
                get = self._platform.at(Priority.OBSERVE).flows.get
                found = await self._answers.once("flow", listed.id, partial(get, listed.id))
            except LiveUndetermined as error:
                undetermined[key] = error.message
            else:
                self._flows[key] = found or listed
        return undetermined

    async def _each(
        self,
        wanted: list[tuple[LiveFlow, str]],
        read: Callable[[LiveFlow, str], Coroutine[Any, Any, V | None]],
        advance: Advance | None = None,
    ) -> dict[FlowKey, V]:
        values = await for_each(wanted, lambda asked: read(*asked), advance=advance or self._listener.looked)
        return {live.key: value for (live, _), value in zip(wanted, values, strict=True) if value is not None}

    async def _references_of(self, live: LiveFlow, version: str) -> tuple[FlowReference, ...] | None:
        try:
            return await self._reader.references(live, version)
        except (NotFound, NoSuchVersion):
            # The version does not exist: the plan blocks it and names the versions that do.
            return None

    async def _versions_of(self, live: LiveFlow, _target: str) -> tuple[VersionInfo, ...] | None:
        try:
            return tuple(await self._answers.once("versions", live.id, partial(self._platform.versions.of, live.id)))
        except NotFound:
            return None

    async def _digest_of(self, live: LiveFlow, version: str) -> str | None:
        try:
            return await self._reader.export_digest(live, version)
        except (ExportFailed, NotFound, Transient, Waiting) as error:
            self.incomplete.append(f"{live.key}: version {version} could not be exported ({error.message})")
            return None


async def last_changes(
    listing: Listing,
    organization: Organization,
    flows: Mapping[FlowKey, LiveFlow],
    delivered: Collection[FlowKey],
) -> dict[FlowKey, LastChange]:
    """The last out-of-band change of each managed flow. An unreadable history is skipped.

    Flows in `delivered` are skipped too, because an unrecorded delivery of ours changed them.
    """
    others = (each for each in organization.flows if each.key not in delivered)
    moved = sorted(each.key for each in others if _is_moved(each, listing.recorded, flows))[:MOST_ASKED]

    async def one(key: FlowKey) -> LastChange | None:
        flow = flows[key]
        known = listing.look.confirmed.changes
        try:
            if flow not in known:
                read = partial(listing.platform.flows.last_change, flow.id)
                known[flow] = await listing.answers.once("last change", flow.id, read)
            return known[flow]
        except PenstockError as error:
            log.info("history.unreadable", organization=organization.name, flow=str(key), error=error.message)
            return None

    found = await for_each(moved, one)
    return {key: change for key, change in zip(moved, found, strict=True) if change is not None}


def _is_moved(desired: DesiredFlow, recorded: RecordedState, flows: Mapping[FlowKey, LiveFlow]) -> bool:
    """Whether another version is live than the recorded and the desired one, or none at all."""
    record, live = recorded.flows.get(desired.key), flows.get(desired.key)
    if record is None or live is None:
        return False
    wanted = desired.source.version if isinstance(desired.source, PinnedVersion) else record.version
    return live.published_version not in (record.version, wanted)
