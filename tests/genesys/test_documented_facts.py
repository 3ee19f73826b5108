"""What docs/reference/genesys.md promises is what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.delivery.gates.error_rate import INTERVAL_S, PAUSE_S
from controller.domain.capabilities import ARCHITECT, CAPABILITIES, VERSIONED
from controller.domain.platform import Capability
from controller.genesys.architect.notifications import MOST_TOPICS
from controller.genesys.architect.resource_kinds import RESOURCE_KINDS
from controller.genesys.permissions import OPERATIONS, permissions_needed
from controller.genesys.settings import MIB, TransportSettings
from controller.manifests.endpoint import REGIONS
from controller.service.flow_events import _LONGEST_BACKOFF_S, MOST_LOOKED_UP, POLL_S
from controller.service.out_of_band import REASON
from tests.support import genesys_sdk

CAN = {
    "publish a changed flow file": Capability.PUBLISH_SOURCE,
    "staged rollout by percentage": Capability.PERCENTAGE_ROLLOUT,
    "unlock, unpublish, delete": Capability.UNLOCK,
    "launch an execution for a gate": Capability.LAUNCH,
    "error rates and traces": Capability.EXECUTION_DATA,
    "pushed events": Capability.NOTIFICATIONS,
}
"""The rows of the first table that stand for a capability."""
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "genesys.md").read_text(encoding="utf-8")


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
        f"| {settings.job_timeout_s:g} s, an export 30 s more for every further flow |",
        f"within {settings.export_gather_s:g} s, or while {settings.export_jobs} jobs run |",
        f"| one job of at most {settings.export_flows} flows",
        f"never for a plan | {settings.cache_ttl_s:g} s",
    ):
        assert promise in PAGE
    assert (settings.retries, settings.retry_base_s, settings.reserve) == (3, 2.0, 0.1)
    assert (settings.outage_s, settings.probe_after_s, settings.longest_wait_s) == (300.0, 30.0, 120.0)


@pytest.mark.parametrize("row", CAN)
def test_the_table_of_dialects_is_that_of_the_capabilities(row: str) -> None:
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]
    _, _, *cells, _ = (cell.strip() for cell in line.split("|"))
    for dialect, cell in zip((ARCHITECT, VERSIONED), cells, strict=True):
        assert cell.startswith("not possible") is (CAN[row] not in CAPABILITIES[dialect])


def test_every_region_is_listed() -> None:
    [line] = [line for line in PAGE.splitlines() if line.startswith("There are 18:")]
    assert sorted(REGIONS) == sorted(line.split("`")[1::2])


def test_the_regions_are_those_of_the_official_sdk() -> None:
    sdk = genesys_sdk.imported()
    hosts = {region.value.removeprefix("https://api.") for region in sdk.PureCloudRegionHosts}
    assert hosts == REGIONS.keys()


def test_pushed_events_are_told_as_they_are() -> None:
    assert f"{MOST_TOPICS:,} to a channel" in PAGE
    assert f"waits of up to {_LONGEST_BACKOFF_S:g} s" in PAGE
    assert f"`{REASON}`" in PAGE
    assert OPERATIONS[ARCHITECT]["notifications"]
    assert f"at most every {PAUSE_S:g} s, and otherwise every {INTERVAL_S:g} s" in PAGE
    assert f"are polled every {POLL_S:g} s" in PAGE
    assert f"up to {MOST_LOOKED_UP} are looked up" in PAGE


def test_every_kind_of_resource_has_its_row() -> None:
    rows = {line for line in PAGE.splitlines() if line.startswith("| `") and "| `GET " in line}
    for kind in RESOURCE_KINDS.values():
        needs = f"`{kind.permission}`" if kind.permission else "nothing"
        assert f"| `{kind.name}` | `GET {kind.route}` | {kind.page_size} | {needs} |" in rows
