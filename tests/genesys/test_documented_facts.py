"""What docs/genesys.md promises is what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.genesys.permissions import OPERATIONS, permissions_needed
from controller.genesys.settings import MIB, TransportSettings

PAGE = (Path(__file__).parents[2] / "docs" / "genesys.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("dialect", ["architect", "versioned"])
def test_the_tables_of_permissions_are_those_of_the_code(dialect: str) -> None:
    for operation, calls in OPERATIONS[dialect].items():
        needs = "<br>".join(f"`{one}`" for one in sorted(permissions_needed(dialect, [operation]))) or "nothing"
        listed = "<br>".join(f"`{call}`" for call in calls)
        assert f"| `{operation}` | {listed} | {needs} |" in PAGE


def test_the_limits_are_the_defaults() -> None:
    settings = TransportSettings()
    for promise in (
        f"{settings.rate_limit_per_minute} requests a minute",
        f"| a JSON answer | {settings.json_limit_bytes // MIB} MiB |",
        f"page of definitions | {settings.export_limit_bytes // MIB} MiB |",
        f"| connecting | {settings.connect_timeout_s:g} s |",
        f"| one exchange as a whole | {settings.deadline_s:g} s |",
        f"| {settings.job_timeout_s:g} s, looked at every {settings.poll_s:g} s |",
        f"never for a plan | {settings.cache_ttl_s:g} s",
    ):
        assert promise in PAGE
    assert (settings.retries, settings.retry_base_s, settings.reserve) == (3, 2.0, 0.1)
    assert (settings.outage_s, settings.probe_after_s, settings.longest_wait_s) == (300.0, 30.0, 120.0)
