"""A world in the dialect that a test is parametrized with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.world import SECRET, World


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=request.param)
    yield made
    await made.close()
