"""Worlds that tests of several files play in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.site import Site
from tests.support.world import SECRET


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)


@pytest.fixture
async def site(tmp_path: Path, credentials: None) -> AsyncIterator[Site]:
    """Everything that is live is recorded."""
    made = Site(tmp_path)
    await made.settled_at(main="12.0", module="3.0")
    yield made
    await made.close()
