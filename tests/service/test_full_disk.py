"""`penstock apply` where no file may grow any more says so and changes nothing; with room it goes on."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.capabilities import ARCHITECT
from tests.service.shop import Shop, organization


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with organization(tmp_path) as served:
        yield served


def test_a_store_that_cannot_grow_is_told_and_nothing_is_published(tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, ARCHITECT)
    assert shop.run("plan").returncode == 0
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        done = shop.run("apply")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert done.returncode == 1
    assert "the store sqlite:///" in done.stderr
    assert "[store-failed]" in done.stderr
    assert "Traceback" not in done.stderr
    assert shop.live() == {"Front": "1.0", "Hours": "1.0"}
    shop.comes_to_its_end()
