"""Facts about versions, kept without a limit, because a version never changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select

from controller.domain.clock import Clock
from controller.domain.references import FlowReference, Resolution, ResourceReference
from controller.store.database import Database, insert_if_absent
from controller.store.schema import facts

_REFERENCES: Final = "references"
_RESOURCES: Final = "resources"
_EXPORT_DIGEST: Final = "export-digest"


class Facts:
    """Facts by (organisation, flow id, version)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def references(self, organization: str, flow_id: str, version: str) -> tuple[FlowReference, ...] | None:
        """The version's references to flows; None when they are unknown."""
        value = self._get(organization, flow_id, version, _REFERENCES)
        return None if value is None else tuple(_reference(item) for item in value)

    def remember_references(
        self, organization: str, flow_id: str, version: str, references: Iterable[FlowReference]
    ) -> None:
        self._put((organization, flow_id, version, _REFERENCES), [_reference_json(item) for item in references])

    def resources(self, organization: str, flow_id: str, version: str) -> tuple[ResourceReference, ...] | None:
        """The version's references to other resources; None when they are unknown."""
        value = self._get(organization, flow_id, version, _RESOURCES)
        if value is None:
            return None
        return tuple(
            ResourceReference(each["kind"], each["name"], each["path"], Resolution(each["resolution"]))
            for each in value
        )

    def remember_resources(
        self, organization: str, flow_id: str, version: str, resources: Iterable[ResourceReference]
    ) -> None:
        rows = [
            {"kind": each.kind, "name": each.name, "path": each.path, "resolution": each.resolution.value}
            for each in resources
        ]
        self._put((organization, flow_id, version, _RESOURCES), rows)

    def export_digest(self, organization: str, flow_id: str, version: str) -> str | None:
        """Digest of the version's canonical export; None when it was never exported."""
        value = self._get(organization, flow_id, version, _EXPORT_DIGEST)
        return None if value is None else str(value)

    def remember_export_digest(self, organization: str, flow_id: str, version: str, digest: str) -> None:
        self._put((organization, flow_id, version, _EXPORT_DIGEST), digest)

    def _get(self, organization: str, flow_id: str, version: str, kind: str) -> Any:
        query = select(facts.c.value).where(
            facts.c.organization == organization,
            facts.c.flow_id == flow_id,
            facts.c.version == version,
            facts.c.kind == kind,
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _put(self, key: tuple[str, str, str, str], value: object) -> None:
        names = ("organization", "flow_id", "version", "kind")
        row: dict[str, object] = {**dict(zip(names, key, strict=True)), "value": value, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_if_absent(connection, facts, row)


def _reference_json(reference: FlowReference) -> dict[str, object]:
    return {
        "name": reference.name,
        "types": list(reference.types),
        "action": reference.action,
        "path": reference.path,
        "resolution": reference.resolution.value,
        "binds_at_publish": reference.binds_at_publish,
        "flow_id": reference.flow_id,
    }


def _reference(data: dict[str, Any]) -> FlowReference:
    return FlowReference(
        name=data["name"],
        types=tuple(data["types"]),
        action=data["action"],
        path=data["path"],
        resolution=Resolution(data["resolution"]),
        binds_at_publish=data["binds_at_publish"],
        flow_id=data["flow_id"],
    )
