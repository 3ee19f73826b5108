from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.pages.served import Served, application
from tests.pages.showroom import Showroom, furnished


@pytest.fixture(scope="module")
def showroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    """Made once for each file: deliveries take seconds. What a test adds, it adds under names of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACME_ID", "penstock")
        patch.setenv("ACME_SECRET", "penstock-secret")
        patch.setenv("PENSTOCK_CREDENTIAL_VARIABLES", "ACME_*")
        room = asyncio.run(furnished(tmp_path_factory.mktemp("showroom")))
        yield room
        asyncio.run(room.world.close())


@pytest.fixture
def served(showroom: Showroom) -> Served:
    """The service's app, as people reach it through the operator's proxy."""
    return application(showroom)
