from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.delivery.sync_run import DeliverySettings
from controller.domain.clock import SystemClock
from controller.simulator.settings import SimulatorSettings
from tests.delivery.site import Site


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
