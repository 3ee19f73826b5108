from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from controller.delivery.sync_run import DeliverySettings
from controller.domain.clock import SystemClock
from controller.simulator.settings import SimulatorSettings
from tests.delivery.scenes import three
from tests.delivery.site import Site
from tests.support.sources import inbound


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def hurried(tmp_path: Path) -> AsyncIterator[Site]:
    """A site in real time, where what the organisation does takes a hundredth of the usual."""
    quick = DeliverySettings(poll_base_s=0.05, verify_wait_s=0.05, stop_check_s=0.05)
    simulated = SimulatorSettings(rate_limit_per_minute=6000, time_scale=100)
    made = Site(tmp_path, SystemClock(), simulated, settings=quick)  # type: ignore[arg-type]
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _three_live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    made = Site(tmp_path_factory.mktemp("three"))
    three(made)
    await made.deliver()
    yield made
    await made.close()


@pytest.fixture
async def three_live(_three_live: Site, tmp_path: Path) -> AsyncIterator[Site]:
    """`front`, `desk` and `hours` were delivered: 1.0 is live of each."""
    made = _three_live.fork(tmp_path / "three")
    yield made
    await made.close()


@pytest.fixture
def failing_front(three_live: Site) -> Site:
    """All three are live in 1.0; the next delivery fails at the last of them."""
    three(three_live, says="New")
    three_live.fault("job-fails", match={"flow": "Front"}, message="the flow named 'Front' is broken")
    return three_live


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _second_live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    made = Site(tmp_path_factory.mktemp("second"))
    for says in ("First", "Second"):
        made.want("desk", inbound("Desk", says=says))
        await made.deliver()
    yield made
    await made.close()


@pytest.fixture
async def second(_second_live: Site, tmp_path: Path) -> AsyncIterator[Site]:
    """`desk` was delivered twice: 2.0 is live."""
    made = _second_live.fork(tmp_path / "second")
    yield made
    await made.close()
