"""One delivery in the process that forks commands: what is made at first use is made before the fork.

Above all the statements of the store are compiled, and the validators of the documents built. A short command spends
two fifths of its time on that. Nothing else may stay, which tests/cli/test_forked_commands.py looks for.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import structlog

from controller.domain.redaction import SECRETS
from tests.support.sources import inbound
from tests.support.world import SECRET, World

_ENVIRONMENT = {
    "ACME_ID": "penstock",
    "ACME_SECRET": SECRET,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "PENSTOCK_CREDENTIAL_VARIABLES": "ACME_*",
    "PENSTOCK_ORGANIZATION_HOSTS": "127.0.0.1",
}


def rehearse() -> None:
    """Deliver a flow to a simulated organisation, look at it once more, and forget both."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, _ENVIRONMENT):
        configured = structlog.get_config() if structlog.is_configured() else None
        structlog.configure(processors=[_no_line])
        try:
            asyncio.run(_deliver(Path(folder)))
        finally:
            structlog.reset_defaults()
            if configured is not None:
                structlog.configure(**configured)
            SECRETS.__init__()  # type: ignore[misc]
    gc.collect()
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith("controller."):
            each.cache_clear()


def _no_line(*_: object) -> str:
    raise structlog.DropEvent


async def _deliver(folder: Path) -> None:
    world = World(folder)
    world.flow("welcome", inbound("Welcome"))
    world.commit()
    for look in (world.apply, world.plan):
        report = await look()
        assert report.error is None, report.error
    await world.close()
