"""What a version uses besides flows, from the manifest in its configuration: queues, data actions, prompts, ..."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from controller.domain.identity import FlowType
from controller.domain.platform import Priority
from controller.domain.references import ResourceReference
from controller.genesys.architect.exports import configuration
from controller.genesys.part import Part

_FLOW_GROUPS = frozenset({str(kind) for kind in FlowType} | {f"{kind}flow" for kind in FlowType})
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ArchitectResources(Part):
    """Implements `ResourceReferences`."""

    async def of(self, flow_id: str, version: str) -> Sequence[ResourceReference]:
        """The resources that a version names, ordered. Raises NotFound."""
        document = await configuration(self._transport, flow_id, version, self._usually(Priority.OBSERVE))
        manifest = document.get("manifest")
        return sorted(set(_from_manifest(manifest))) if isinstance(manifest, dict) else []


def _from_manifest(manifest: Mapping[str, object]) -> Iterator[ResourceReference]:
    for group, entries in manifest.items():
        if group.lower() in _FLOW_GROUPS or not isinstance(entries, list):
            continue
        kind = _WORD.sub("-", group).lower()
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield ResourceReference(kind, entry["name"], f"manifest.{group}[{index}]")
