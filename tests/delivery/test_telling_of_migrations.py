"""Change management and the audit log are told how each migration ended: with the version, the time, and the rates."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from controller.delivery.result import Outcome
from controller.domain.desired import HttpGate, Rollout
from controller.store.audit import AuditEntry
from tests.delivery.probe import URL, Probe
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Site
from tests.support.audit import audit_entries
from tests.support.sources import inbound


def entries(site: Site, action: str) -> list[AuditEntry]:
    """Oldest first."""
    return [entry for entry in audit_entries(site.store, NAME) if entry.action == action][::-1]


def messages(site: Site) -> list[dict]:
    return [dict(message.payload["data"]) for message in site.store.outbox.claim(limit=100)]  # type: ignore[call-overload]


@pytest.fixture
def told(site: Site) -> Site:
    """There is a receiver."""
    site.settings = replace(site.settings, announce_to=("change-management",))
    site.delivery = site._delivery()
    return site


async def test_a_migration_tells_its_whole_time_the_operation_and_the_rates(told: Site) -> None:
    told.simulator.configure(replace(told.simulator.settings, upload_s=40.0))
    told.want("desk", inbound("Desk"))

    assert (await told.deliver()).outcome is Outcome.SUCCEEDED

    [data] = messages(told)
    [entry] = entries(told, "migrate")
    assert data == entry.to_json()
    assert (data["success"], data["error"], data["flow"], data["version"]) == (True, None, str(DESK), "1.0")
    assert data["latency_ms"] >= 40_000
    assert data["deployment_success_rate"] == 1.0
    assert data["validation_error_rate"] == 0.0
    assert data["flow_id"] == told.simulator.flow(DESK.type, DESK.name).id
    assert data["details"]["publish_id"]
    [sync] = entries(told, "sync")
    assert sync.latency_ms >= data["latency_ms"]


async def test_a_migration_that_failed_is_told_with_its_error(told: Site) -> None:
    told.want("desk", inbound("Desk"))
    told.fault("job-fails", message="the task Main is broken")

    assert (await told.deliver()).outcome is Outcome.FAILED

    data = messages(told)[0]
    assert (data["action"], data["status"], data["success"]) == ("migrate", "failure", False)
    assert "the task Main is broken" in data["error"]
    assert data["deployment_success_rate"] == 0.0
    assert data["webhook_synced"] is False


async def test_validation_tells_each_finding_and_the_share_of_validations_that_failed(told: Site) -> None:
    three_versions(told)
    told.pin("desk", DESK, "3.0")
    assert (await told.deliver()).outcome is Outcome.SUCCEEDED
    told.pin("desk", DESK, "1.0")
    told.fault("job-fails", message="the queue Support is missing", times=1)

    await told.deliver()

    good, bad = entries(told, "validate")
    assert (good.status, good.validation_error_rate) == ("success", 0.0)
    assert (bad.status, bad.validation_error_rate) == ("failure", 0.5)
    assert bad.details["total_errors"] == 1
    assert "the queue Support is missing" in str(bad.error)
    assert "the queue Support is missing" in str(entries(told, "sync")[-1].error)
    assert any(
        found["severity"] == "error" and "Support" in found["message"]
        for found in bad.details["findings"]  # type: ignore[attr-defined]
    )
    failed = messages(told)[-1]
    assert (failed["success"], failed["target_version"]) == (False, "1.0")
    assert failed["deployment_success_rate"] == 0.5, "one of two, of which another sync was the first"


async def test_a_publish_tells_what_was_sent_and_the_id_that_it_was_given(told: Site) -> None:
    three_versions(told)
    told.pin("desk", DESK, "3.0")
    await told.deliver()

    [entry] = entries(told, "publish")

    assert entry.details["payload"] == {"flow": told.simulator.flow(DESK.type, DESK.name).id, "version": "3.0"}
    assert entry.details["publish_id"]


async def test_a_file_is_validated_by_its_upload_and_counts_among_the_validations(told: Site) -> None:
    told.want("desk", inbound("Desk"))

    await told.deliver()

    [entry] = entries(told, "validate")
    assert (entry.status, entry.details["by"]) == ("success", "upload")
    assert "validation.done" in told.names()


async def test_a_gate_that_fails_tells_of_the_failure_and_of_the_way_back(told: Site) -> None:
    three_versions(told)
    told.settings = replace(told.settings, gate_transport=httpx.MockTransport(Probe((500, {}))))
    told.delivery = told._delivery()
    told.pin("desk", DESK, "3.0", gates=(HttpGate(url=URL),), rollout=Rollout(bake_s=30))

    assert (await told.deliver()).outcome is Outcome.ROLLED_BACK

    found = [(data["action"], data["success"], data["version"]) for data in messages(told)]
    assert found == [("migrate", True, "3.0"), ("migrate", False, "3.0"), ("rollback", True, "2.0")]
    [back] = entries(told, "rollback")
    assert "gate" in str(back.details["reason"])
    assert back.details["publish_id"]
    assert back.deployment_success_rate == 0.0


async def test_what_the_receiver_has_is_synced_in_the_entry(told: Site) -> None:
    told.want("desk", inbound("Desk"))
    await told.deliver()
    [message] = told.store.outbox.claim()
    assert entries(told, "migrate")[0].webhook_synced is False

    told.store.outbox.delivered(message.id)

    assert entries(told, "migrate")[0].webhook_synced is True
    [entry] = entries(told, "webhook")
    assert (entry.flow, entry.details["receiver"]) == (str(DESK), "change-management")
