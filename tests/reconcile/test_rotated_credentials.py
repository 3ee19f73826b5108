"""Credentials that the manifests name by file are replaced while the controller runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.simulator.settings import PENSTOCK
from tests.support.dialects import BOTH
from tests.support.sources import module
from tests.support.world import World


@pytest.fixture
def folder() -> Iterator[Path]:
    """Outside of /dev, where tests may keep their files and no credential may be."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
async def secret(world: World, folder: Path) -> Path:
    """The file with the client's secret; a first delivery was made with it."""
    file = folder / "client-secret"
    file.write_text(PENSTOCK.secret)
    world.settings = world.settings.model_copy(update={"credential_folders": (folder,)})
    await world.restart()
    world.describe(credentials={"clientId": {"env": "ACME_ID"}, "clientSecret": {"file": str(file)}})
    world.flow("hours", module("Hours"))
    world.commit()
    report = await world.apply()
    assert report.error is None
    return file


@BOTH
async def test_a_new_secret_in_the_file_is_used_without_a_restart(world: World, secret: Path) -> None:
    world.simulator.clients[PENSTOCK.id] = replace(PENSTOCK, secret="a-new-secret-of-the-client")
    report = await world.plan()
    assert report.error is None, "the old token works until it expires"

    world.simulator.tokens.expire_all(world.clock.now())
    report = await world.plan()
    assert report.error is not None
    assert report.error.code == "authentication-failed"

    secret.write_text("a-new-secret-of-the-client")
    world.flow("hours", module("Hours", says="We are open"))
    world.commit()
    report = await world.apply()
    assert report.error is None
    assert world.publishes() == ["commonmodule/Hours"] * 2
