"""How long the publishes of each flow took: what deliveries learn for the next ones."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select, update

from controller.domain.identity import FlowKey
from controller.domain.publish_time import PublishTime, PublishWay
from controller.store.database import StorePart, insert_if_absent
from controller.store.schema import publish_times


class LearnedTimes(StorePart):
    """One row for each flow and way. Losing them costs a few calls. Every method may raise StoreFailed."""

    def of(self, organization: str) -> dict[tuple[FlowKey, PublishWay], PublishTime]:
        """All that is known about an organisation's flows."""
        query = select(publish_times).where(publish_times.c.organization == organization)
        return {
            (FlowKey(row["type"], row["name"]), PublishWay(row["way"])): PublishTime(
                row["seconds"], row["deviation_s"], row["size"]
            )
            for row in self._rows(query)
        }

    def remember(self, organization: str, key: FlowKey, way: PublishWay, time: PublishTime) -> None:
        """Replace what is known about one flow."""
        names = {"organization": organization, "type": key.type, "name": key.name, "way": way.value}
        values = asdict(time) | {"at": self._clock.now()}
        columns = publish_times.c
        with self._database.write() as connection:
            insert_if_absent(connection, publish_times, names | values)
            connection.execute(
                update(publish_times).where(*(columns[name] == value for name, value in names.items())).values(values)
            )
