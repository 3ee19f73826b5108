"""What a version refers to, from the manifest in its configuration: by id and name, for exactly that version.

The manifest groups references by type: `manifest.inboundCallFlow[] = {id, name}`, `commonModuleFlow`, `botFlow`, ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from controller.domain.identity import FlowType
from controller.domain.references import FlowReference

_ACTIONS = {
    FlowType.COMMON_MODULE: "callCommonModule",
    FlowType.BOT: "callBotFlow",
    FlowType.DIGITAL_BOT: "callDigitalBotFlow",
}


def references_of(configuration: Mapping[str, object]) -> Sequence[FlowReference]:
    """The flows that a version calls, transfers or hands over to, ordered."""
    manifest = configuration.get("manifest")
    return sorted(set(_from_manifest(manifest)), key=lambda found: found.path) if isinstance(manifest, dict) else []


def _from_manifest(manifest: Mapping[str, object]) -> Iterator[FlowReference]:
    for group, entries in manifest.items():
        flow_type = _flow_type(group)
        if flow_type is None or not isinstance(entries, list):
            continue
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield FlowReference(
                    name=entry["name"],
                    types=(flow_type.value,),
                    action=_ACTIONS.get(flow_type, "transferToFlow"),
                    path=f"manifest.{group}[{index}]",
                    binds_at_publish=flow_type in _ACTIONS,
                    flow_id=entry["id"] if isinstance(entry.get("id"), str) else None,
                )


def _flow_type(group: str) -> FlowType | None:
    """`commonModuleFlow` is a commonmodule, `workflow` a workflow, `queue` no flow at all."""
    name = group.lower()
    candidates = (name, name.removesuffix("flow")) if name.endswith("flow") else ()
    return next((FlowType(candidate) for candidate in candidates if candidate in set(FlowType)), None)
