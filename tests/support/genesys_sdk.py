"""Genesys' own Python SDK, kept from what it does besides.

As soon as it is imported it follows every file below the user's home, in threads that never end: their work would
count in the memory and the time of whatever test runs later in the process.
"""

from __future__ import annotations

from types import ModuleType

import pytest


class _Unwatching:
    """Stands where the SDK expects its observer of files, and observes nothing."""

    def start(self) -> None:
        """There is nothing to start."""

    def schedule(self, *_: object, **__: object) -> None:
        """No file is followed."""

    def unschedule_all(self) -> None:
        """No file was followed."""


def imported() -> ModuleType:
    """The SDK. Skips where it is not installed."""
    pytest.importorskip("watchdog.observers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("watchdog.observers.Observer", _Unwatching)
        sdk: ModuleType = pytest.importorskip("PureCloudPlatformClientV2")
    return sdk
