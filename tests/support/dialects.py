"""Tests that are told once and played on every dialect."""

from __future__ import annotations

import pytest

from controller.domain.capabilities import CAPABILITIES

BOTH = pytest.mark.parametrize("world", sorted(CAPABILITIES), indirect=True)
"""For tests that take a `world`."""
