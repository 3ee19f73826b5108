"""The organisation announces the end of a publish: it is read at once, and a channel's trouble costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace

import pytest

from controller.delivery.live_watch import EVENT_WAIT_S
from controller.delivery.result import Outcome
from controller.delivery.signals import PublishEvents
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.organization import Unreachable
from controller.domain.events import FlowEvent
from controller.genesys.architect.notifications import ArchitectNotifications
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.flow import SimulatedFlow
from tests.delivery.site import Site, states
from tests.support.sources import inbound

OTHER = "00000000-0000-4000-8000-000000000000"


class Channel(ArchitectNotifications):
    """An organisation in this process whose channel does as it is told."""

    def __init__(self, site: Site, speaks: Callable[[str], list[FlowEvent]], ends_after_s: float = 1e9) -> None:
        assert isinstance(site.platform, ArchitectPlatform)
        super().__init__(site.platform.transport)
        self._site = site
        self._speaks = speaks
        self._ends_after_s = ends_after_s
        self.heard: list[frozenset[str]] = []

    async def flow_events(
        self, flow_ids: Collection[str], *, on_open: Callable[[], None] | None = None
    ) -> AsyncIterator[FlowEvent]:
        self.heard.append(frozenset(flow_ids))
        changed: list[str] = []

        def note(flow: SimulatedFlow) -> None:
            changed.append(flow.id)

        self._site.simulator.organization.listeners.append(note)
        if on_open is not None:
            on_open()
        until = self._site.clock.monotonic() + self._ends_after_s
        try:
            while self._site.clock.monotonic() < until:
                await self._site.clock.sleep(0.5)
                self._site.simulator.settle()
                said, changed[:] = changed[:], []
                for flow_id in said:
                    for event in self._speaks(flow_id):
                        yield event
        finally:
            self._site.simulator.organization.listeners.remove(note)
        raise Unreachable("the notification channel failed")


def ended(flow_id: str) -> list[FlowEvent]:
    return [FlowEvent(flow_id, None, "PUBLISH", "SUCCESS")]


def silent(_flow_id: str) -> list[FlowEvent]:
    return []


def of_others(_flow_id: str) -> list[FlowEvent]:
    return [FlowEvent(OTHER, "9.0", "PUBLISH", "SUCCESS")]


def begun(flow_id: str) -> list[FlowEvent]:
    return [FlowEvent(flow_id, None, "PUBLISH", "STARTED")]


@pytest.fixture
async def slow(site: Site) -> Site:
    """Two flows, whose next publish takes 47 seconds."""
    for name in ("Desk", "Front"):
        site.want(name.lower(), inbound(name))
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED
    site.simulator.configure(replace(site.simulator.settings, upload_s=47.0))
    for name in ("Desk", "Front"):
        site.want(name.lower(), inbound(name, says="Second"))
    return site


async def _deliver(site: Site, channel: Channel | None) -> tuple[float, int]:
    """How long it took, and how often somebody looked."""
    if channel is not None:
        site.platform.notifications = channel
        site.settings = replace(site.settings, listens=True)
    site.delivery = site._delivery()
    plan = await site.plan()
    site.events.clear()
    began = site.clock.monotonic()
    result = await site.deliver(plan)
    assert states(result) == {"desk": "exported", "front": "exported"}, result
    assert site.publishes()[2:] == ["inboundcall/Desk 2.0", "inboundcall/Front 2.0"]
    return site.clock.monotonic() - began, site.names().count("publish.progress")


async def test_the_end_of_a_publish_is_read_when_it_is_announced_also_after_the_word_to_stop(slow: Site) -> None:
    def stop(event: DeliveryEvent) -> bool:
        if (event.name, event.flow) == ("publish.progress", "front") and slow.clock.elapsed_s - began >= 35:
            slow.delivery.stop()
        return False

    began, slow.crash_when = slow.clock.elapsed_s, stop

    took_s, _ = await _deliver(slow, Channel(slow, ended))

    assert 47 <= took_s < 50


async def test_the_end_of_a_publish_is_read_when_it_is_announced(slow: Site) -> None:
    channel = Channel(slow, ended)

    took_s, looks = await _deliver(slow, channel)

    assert 47 <= took_s < 50
    assert looks <= 6
    assert [len(flows) for flows in channel.heard] == [2]


async def test_without_a_channel_looks_are_as_they_were(slow: Site) -> None:
    took_s, looks = await _deliver(slow, None)

    assert 47 <= took_s <= 68
    assert looks == 10


@pytest.mark.parametrize("speaks", [silent, of_others, begun])
async def test_a_channel_that_does_not_tell_delays_one_look_and_is_not_waited_for_again(
    slow: Site, speaks: Callable[[str], list[FlowEvent]]
) -> None:
    took_s, looks = await _deliver(slow, Channel(slow, speaks))

    assert 47 <= took_s <= 47 + EVENT_WAIT_S
    assert looks < 10


async def test_when_a_channel_ends_everything_is_looked_at_at_once_and_polled_from_then_on(slow: Site) -> None:
    took_s, looks = await _deliver(slow, Channel(slow, silent, ends_after_s=20.0))

    assert 47 <= took_s <= 68
    assert looks >= 8


async def test_new_flows_need_no_channel(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    channel = Channel(site, ended)
    site.platform.notifications = channel
    site.settings = replace(site.settings, listens=True)
    site.delivery = site._delivery()

    assert (await site.deliver()).outcome is Outcome.SUCCEEDED
    assert channel.heard == []


async def test_a_channel_that_cannot_be_opened_is_told_of_and_nothing_more(slow: Site) -> None:
    """No websocket leads to an organisation in this process."""
    slow.settings = replace(slow.settings, listens=True)

    took_s, looks = await _deliver(slow, None)

    assert 47 <= took_s <= 68
    assert looks == 10


async def test_only_what_has_ended_rings_and_what_ended_in_silence_makes_the_channel_unreliable() -> None:
    hearing = PublishEvents()
    assert not hearing.reliable("f1")
    hearing._subscribed = frozenset({"f1"})
    hearing._opened()
    assert hearing.reliable("f1")
    assert not hearing.reliable("f2"), "only flows with a subscription are announced"
    announcement = hearing.announcement("f1")
    hearing._received(FlowEvent("f1", status="STARTED"))
    assert not announcement.is_set()
    hearing._received(FlowEvent("f1", status="SUCCESS"))
    assert announcement.is_set()
    hearing.missed("f1")
    assert not hearing.reliable("f1")
