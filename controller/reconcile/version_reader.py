"""Reads the content of versions. A version never changes, so a fact is read once and cached in the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from controller.domain.live import LiveFlow
from controller.domain.ports import Platform
from controller.domain.references import FlowReference, ResourceReference
from controller.flows.export_digest import export_digest
from controller.reconcile.services import Services

T = TypeVar("T")


class FactReader:
    """The versions of one organisation. Every method raises what the organisation's calls raise."""

    def __init__(self, services: Services, platform: Platform, organization: str) -> None:
        self.platform = platform
        self._facts = services.store.facts
        self._organization = organization

    async def references(self, live: LiveFlow, version: str) -> tuple[FlowReference, ...]:
        """The flows that a version refers to."""

        async def read() -> tuple[FlowReference, ...]:
            return tuple(await self.platform.versions.references(live.id, version))

        return await self._once(self._facts.references, self._facts.remember_references, live, version, read)

    async def resources(self, live: LiveFlow, version: str) -> tuple[ResourceReference, ...]:
        """The queues, data actions and prompts that a version uses; empty if the dialect does not report them."""
        resources = self.platform.resources
        if resources is None:
            return ()

        async def read() -> tuple[ResourceReference, ...]:
            return tuple(await resources.of(live.id, version))

        return await self._once(self._facts.resources, self._facts.remember_resources, live, version, read)

    def known_exports(self) -> Mapping[tuple[str, str], str]:
        """The digests that need no export, by the flow's id and the version: one query for all."""
        return self._facts.export_digests(self._organization)

    async def export_digest(self, live: LiveFlow, version: str) -> str:
        """The canonical digest of a version's export, exported whether it is known or not.

        Raises ExportFailed when the export is unreadable.
        """
        digest = export_digest(await self.platform.versions.export(live.id, version, definition=False))
        self._facts.remember_export_digest(self._organization, live.id, version, digest)
        return digest

    async def _once(
        self,
        known: Callable[[str, str, str], T | None],
        remember: Callable[[str, str, str, T], None],
        live: LiveFlow,
        version: str,
        read: Callable[[], Awaitable[T]],
    ) -> T:
        found = known(self._organization, live.id, version)
        if found is None:
            found = await read()
            remember(self._organization, live.id, version, found)
        return found
