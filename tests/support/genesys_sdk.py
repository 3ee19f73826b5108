"""Genesys' own Python SDK, loaded piece by piece, and kept from what it does besides.

It has 6,800 modules, and imports all of them at once where it is not kept from that; here a name is imported when it
is first asked for. As soon as it is imported it follows every file below the user's home, in threads that never end:
their work would count in the memory and the time of whatever test runs later in the process.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_NAME = "PureCloudPlatformClientV2"
_IMPORT = re.compile(r"^from (\.[\w.]+) import (\w+)\s*$", re.MULTILINE)
_OF_A_PIECE = re.compile(r"^from \.(?:models|apis)\.\w+ import \w+\s*$", re.MULTILINE)
_PIECES = ("models", "apis")


class _Unthreaded:
    """Stands where the SDK expects `threading`: the thread that would start its observer of files does not run."""

    class Thread:
        def __init__(self, **_: object) -> None:
            self.daemon = True

        def start(self) -> None:
            """Without an observer, the SDK follows no file."""


@cache
def imported() -> ModuleType:
    """The SDK. Skips where it is not installed."""
    pytest.importorskip("watchdog.observers")
    if importlib.util.find_spec(_NAME) is None:
        pytest.skip(f"{_NAME} is not installed", allow_module_level=True)
    with pytest.MonkeyPatch.context() as patch:
        sdk = _package(_NAME)
        patch.setattr(importlib.import_module(f"{_NAME}.configuration"), "threading", _Unthreaded)
        for piece in _PIECES:
            setattr(sdk, piece, _package(f"{_NAME}.{piece}"))
        _begin(sdk)
    return sdk


def _package(name: str) -> ModuleType:
    """A package whose names are imported when they are asked for; nothing of it has run yet."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    places = {imported: place for place, imported in _IMPORT.findall(Path(spec.origin).read_text("utf-8"))}

    def named(attribute: str) -> Any:
        if attribute not in places:
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
        value = getattr(importlib.import_module(places[attribute], name), attribute)
        setattr(package, attribute, value)
        return value

    package.__getattr__ = named  # type: ignore[method-assign]
    return package


def _begin(sdk: ModuleType) -> None:
    """Run what the SDK does besides its imports."""
    assert sdk.__file__ is not None
    rest = _OF_A_PIECE.sub("", Path(sdk.__file__).read_text("utf-8"))
    exec(compile(rest, sdk.__file__, "exec"), sdk.__dict__)  # noqa: S102 - the SDK's own code
