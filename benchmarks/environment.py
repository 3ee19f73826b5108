"""An environment for Penstock, git and the simulator in which nothing of the person who runs them shows."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.simulator.settings import PENSTOCK

_GIT = """[gc]
	auto = 0
[maintenance]
	auto = false
"""


def settings(folder: Path) -> dict[str, str]:
    """Variables for processes: state, cache and git's settings are in this folder."""
    config = folder / "gitconfig"
    config.write_text(_GIT, encoding="utf-8")
    roles = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _PERSON.items()}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "GIT_", "PYTHON"))},
        **roles,
        "ACME_ID": PENSTOCK.id,
        "ACME_SECRET": PENSTOCK.secret,
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PENSTOCK_CREDENTIAL_VARIABLES": "ACME_*",
        "PENSTOCK_ORGANIZATION_HOSTS": "127.0.0.1,localhost",
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


_PERSON = {"NAME": "Flow Author", "EMAIL": "author@example.com"}


_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it are made by tempfile
_ENOUGH_BYTES = 4 * 2**30


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what a benchmark writes: in memory where there is room, so that no disk is waited for."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if _roomy() else None) as folder:
        yield Path(folder)


def _roomy() -> bool:
    return _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free >= _ENOUGH_BYTES


@contextmanager
def own_environment() -> Iterator[None]:
    """The same for what runs in this process."""
    kept = dict(os.environ)
    with scratch() as folder:
        own = settings(folder)
        os.environ.clear()
        os.environ.update(own)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(kept)
