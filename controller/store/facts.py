"""What the store learned and can learn again: facts about versions, which never change, and durations of publishes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import bindparam, select

from controller.domain.identity import FlowKey
from controller.domain.publish_time import PublishTime, PublishWay
from controller.domain.references import FlowReference, Resolution, ResourceReference
from controller.store.database import StorePart, insert_or_update
from controller.store.schema import facts, publish_times

_REFERENCES: Final = "references"
_RESOURCES: Final = "resources"
_EXPORT_DIGEST: Final = "export-digest"
_OF_REFERENCE: Final = ("name", "types", "action", "path", "resolution", "binds_at_publish", "flow_id")
"""What is kept of a reference to a flow: all but its places in a file."""
_OF_RESOURCE: Final = ("kind", "name", "path", "resolution")
"""What an organisation reports of a reference to a resource."""


class Facts(StorePart):
    """Facts by (organisation, flow id, version)."""

    def references(self, organization: str, flow_id: str, version: str) -> tuple[FlowReference, ...] | None:
        """The version's references to flows; None when they are unknown."""
        value = self._get(organization, flow_id, version, _REFERENCES)
        return None if value is None else tuple(FlowReference(**_typed(each)) for each in value)

    def remember_references(
        self, organization: str, flow_id: str, version: str, references: Iterable[FlowReference]
    ) -> None:
        rows = [{name: getattr(each, name) for name in _OF_REFERENCE} for each in references]
        self._put((organization, flow_id, version, _REFERENCES), rows)

    def resources(self, organization: str, flow_id: str, version: str) -> tuple[ResourceReference, ...] | None:
        """The version's references to other resources; None when they are unknown."""
        value = self._get(organization, flow_id, version, _RESOURCES)
        return None if value is None else tuple(ResourceReference(**_typed(each)) for each in value)

    def remember_resources(
        self, organization: str, flow_id: str, version: str, resources: Iterable[ResourceReference]
    ) -> None:
        rows = [{name: getattr(each, name) for name in _OF_RESOURCE} for each in resources]
        self._put((organization, flow_id, version, _RESOURCES), rows)

    def export_digests(self, organization: str) -> dict[tuple[str, str], str]:
        """Digests of all known exports of an organisation, by the flow's id and the version: one query."""
        query = select(facts.c.flow_id, facts.c.version, facts.c.value).where(
            facts.c.organization == organization, facts.c.kind == _EXPORT_DIGEST
        )
        return {(row["flow_id"], row["version"]): str(row["value"]) for row in self._rows(query)}

    def remember_export_digest(self, organization: str, flow_id: str, version: str, digest: str) -> None:
        self._put((organization, flow_id, version, _EXPORT_DIGEST), digest)

    def _get(self, organization: str, flow_id: str, version: str, kind: str) -> Any:
        return self._value(_FACT, organization=organization, flow_id=flow_id, version=version, kind=kind)

    def _put(self, key: tuple[str, str, str, str], value: object) -> None:
        organization, flow_id, version, kind = key
        self._insert_once(facts, organization=organization, flow_id=flow_id, version=version, kind=kind, value=value)


def _typed(kept: dict[str, Any]) -> dict[str, Any]:
    """The fields of a reference, from its JSON."""
    typed = {"types": tuple(kept["types"])} if "types" in kept else {}
    return kept | typed | {"resolution": Resolution(kept["resolution"])}


class LearnedTimes(StorePart):
    """How long the publishes of each flow took: one row for each flow and way. Losing them costs a few calls.

    Every method may raise StoreFailed.
    """

    def of(self, organization: str) -> dict[tuple[FlowKey, PublishWay], PublishTime]:
        """All that is known about an organisation's flows."""
        return {
            (FlowKey(row["type"], row["name"]), PublishWay(row["way"])): PublishTime(
                row["seconds"], row["deviation_s"], row["size"]
            )
            for row in self._rows(_TIMES, organization=organization)
        }

    def remember(self, organization: str, key: FlowKey, way: PublishWay, time: PublishTime) -> None:
        """Replace what is known about one flow."""
        names = {"organization": organization, "type": key.type, "name": key.name, "way": way.value}
        with self._database.write() as connection:
            insert_or_update(connection, publish_times, names | asdict(time) | {"at": self._clock.now()})


_FACT: Final = select(facts.c.value).where(
    *(facts.c[name] == bindparam(name) for name in ("organization", "flow_id", "version", "kind"))
)
_TIMES: Final = select(publish_times).where(publish_times.c.organization == bindparam("organization"))
