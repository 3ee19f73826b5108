"""A controller beside a forge with pull requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.forges.port import ForgeKind
from tests.support.reviewing import Reviewing, reviewing
from tests.support.sources import inbound
from tests.support.world import SECRET


@pytest.fixture
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Reviewing]:
    """GitHub, or the forge that the test names, and a base with one flow."""
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    monkeypatch.setenv("PENSTOCK_FORGE_TOKEN", "token-of-penstock")
    with reviewing(tmp_path, getattr(request, "param", ForgeKind.GITHUB)) as made:
        made.world.flow("front", inbound("Front"))
        made.commit("Begin")
        made.world.publish_all_by_hand()
        yield made
        await made.world.close()
