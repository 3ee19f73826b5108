"""After a 409 nothing is sent again before reading: what was asked for may be live by then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import HttpGate
from controller.simulator.control import person
from controller.simulator.flow import Action
from tests.delivery.probe import URL, Probe, probing
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Site, organization
from tests.support.audit import audit_entries


class Doubling(httpx.AsyncBaseTransport):
    """A gateway that delivers the first publish twice, and answers as the second delivery was answered."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.answers: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method == "POST" and request.url.path.endswith("/publish"):
            self.answers.append(answer.status_code)
            if len(self.answers) == 1:
                answer = await self._inner.handle_async_request(request)
                self.answers.append(answer.status_code)
        return answer


@pytest.fixture(params=[ARCHITECT, VERSIONED])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path, organization=organization(dialect=request.param))
    three_versions(made)
    yield made
    await made.close()


async def deliver(site: Site, status: int = 200) -> SyncResult:
    probing(site, Probe((status, {})))
    site.pin("desk", DESK, "3.0", gates=(HttpGate(URL),))
    return await site.deliver()


def published(site: Site) -> list[str]:
    return [entry.removeprefix(f"{DESK} ") for entry in site.publishes()]


def audited(site: Site) -> list[tuple[str, bool]]:
    entries = list(audit_entries(site.store, NAME, flow=str(DESK)))[::-1]
    return [(entry.status, "found" in entry.details) for entry in entries if entry.action == "publish"]


async def test_a_publish_that_a_gateway_delivers_twice_is_one_publish(site: Site) -> None:
    gateway = Doubling(site.http)
    site.http = gateway  # type: ignore[assignment]
    await site.restart()

    result = await deliver(site)

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert [code // 100 for code in gateway.answers] == [2, 4]
    assert published(site) == ["1.0", "2.0", "3.0"]
    assert any("3.0 was made live by another operation, or by our call" in text for text in result.steps[0].messages)
    assert audited(site) == [("failure", False), ("success", True)]


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.SUCCEEDED), (500, Outcome.ROLLED_BACK)])
async def test_what_another_controller_made_live_meanwhile_is_judged_and_not_published_again(
    site: Site, status: int, outcome: Outcome
) -> None:
    flow, clock = site.simulator.flow(DESK.type, DESK.name), site.clock
    running = None

    def other(event: DeliveryEvent) -> bool:
        nonlocal running
        if event.name == "change.validated" and running is None:
            grace = person(site.simulator.organization, "Grace")
            running = site.simulator.organization.operation(flow, Action.PUBLISH, grace, clock.now())
        if event.name == "lock.waiting" and running is not None and running.ended_at is None:
            running.ended_at = clock.now()
            site.by_hand("publish", DESK, version="3.0")
        return False

    site.crash_when = other
    result = await deliver(site, status)

    assert result.outcome is outcome, result.steps[0].error
    assert published(site)[:3] == ["1.0", "2.0", "3.0"]
    assert site.live()[str(DESK)] == ("3.0" if status == 200 else "2.0")
    assert published(site).count("3.0") == 1
