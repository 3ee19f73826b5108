"""What earlier publishes say about the next one."""

from __future__ import annotations

import pytest

from controller.delivery.publish_times import Expectation, PublishTimes
from controller.domain.identity import FlowKey
from controller.domain.publish_time import PublishWay
from tests.delivery.site import Site
from tests.support.sources import inbound

DESK, HOURS = FlowKey("inboundcall", "Desk"), FlowKey("commonmodule", "Hours")
UPLOAD = PublishWay.UPLOAD


def test_without_any_publish_nothing_is_known() -> None:
    times = PublishTimes()
    assert times.of(DESK, UPLOAD, 1000) is None
    for number in range(4):
        times.learn(FlowKey("commonmodule", f"Module {number}"), UPLOAD, 1000, 7.0)
    assert times.of(DESK, UPLOAD, 1000) is None, "a module says nothing about a call flow"
    assert times.of(HOURS, UPLOAD, 1000) is not None


def test_a_flow_is_expected_to_take_as_long_as_before_and_looks_come_later_the_steadier_it_is() -> None:
    times = PublishTimes()
    times.learn(DESK, UPLOAD, 1000, 40.0)
    assert times.of(DESK, UPLOAD, 1000) == Expectation(expected_s=40.0, earliest_s=30.0, latest_s=70.0)
    for _ in range(20):
        times.learn(DESK, UPLOAD, 1000, 40.0)
    steady = times.of(DESK, UPLOAD, 1000)
    assert steady is not None
    assert steady.earliest_s == pytest.approx(40.0, abs=0.1)
    times.learn(DESK, UPLOAD, 1000, 80.0)
    slower = times.of(DESK, UPLOAD, 1000)
    assert slower is not None
    assert slower.expected_s == pytest.approx(50.0, abs=0.1)


def test_a_new_flow_is_expected_to_take_as_long_as_flows_of_its_type_and_size() -> None:
    times = PublishTimes()
    for number in range(8):
        times.learn(FlowKey("inboundcall", f"Small {number}"), UPLOAD, 1_000 + number, 4.0)
        times.learn(FlowKey("inboundcall", f"Large {number}"), UPLOAD, 90_000 + number, 60.0)
    assert times.of(DESK, UPLOAD, 1_200) == Expectation(expected_s=4.0, earliest_s=4.0, latest_s=4.0)
    assert times.of(DESK, UPLOAD, 200_000) == Expectation(expected_s=60.0, earliest_s=60.0, latest_s=60.0)
    unread = times.of(DESK, UPLOAD, None)
    assert unread is not None
    assert unread.expected_s == 32.0, "before its file was read, all flows of its type stand for it"
    assert times.of(DESK, PublishWay.PUBLISH, 0) is None, "an existing version takes its own time"


def test_of_many_flows_of_one_size_the_newest_count_not_the_quickest() -> None:
    times = PublishTimes()
    for number in range(20):
        times.learn(FlowKey("inboundcall", f"Flow {number}"), UPLOAD, 1_000, 2.0 if number < 12 else 20.0)
    assert times.of(DESK, UPLOAD, 1_000) == Expectation(expected_s=20.0, earliest_s=20.0, latest_s=20.0)


async def test_the_store_keeps_what_a_delivery_has_learned(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    learned = site.store.publish_times.of("acme")[DESK, UPLOAD]
    assert learned.seconds == pytest.approx(3.0, abs=0.1), "an upload takes 3 s, however late its end is seen"
    assert learned.size == len(inbound("Desk"))
    assert site.store.publish_times.of("other") == {}
