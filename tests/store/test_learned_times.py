"""How long publishes take is kept for each flow."""

from __future__ import annotations

from controller.domain.identity import FlowKey
from controller.domain.publish_time import PublishTime, PublishWay
from controller.store.store import Store

DESK, FRONT = FlowKey("inboundcall", "Desk"), FlowKey("inboundcall", "Front")
UPLOAD, PUBLISH = PublishWay.UPLOAD, PublishWay.PUBLISH


def test_the_newest_time_of_a_flow_replaces_the_one_before(store: Store) -> None:
    store.publish_times.remember("acme", DESK, UPLOAD, PublishTime(3.0, 1.0, 100))
    store.publish_times.remember("acme", DESK, UPLOAD, PublishTime(4.0, 0.5, 120))
    store.publish_times.remember("acme", DESK, PUBLISH, PublishTime(1.0, 0.1, 0))
    store.publish_times.remember("acme", FRONT, UPLOAD, PublishTime(9.0, 2.0, 0))
    assert store.publish_times.of("acme") == {
        (DESK, UPLOAD): PublishTime(4.0, 0.5, 120),
        (DESK, PUBLISH): PublishTime(1.0, 0.1, 0),
        (FRONT, UPLOAD): PublishTime(9.0, 2.0, 0),
    }
    assert store.publish_times.of("other") == {}
