"""`penstock run` as a process: it follows a branch, delivers, records, answers probes and stops politely."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import Service, eventually
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module
from tests.support.world import RECORDS, SECRET, World


@pytest.fixture
def simulator() -> Iterator[str]:
    with simulator_thread(rate_limit=3000) as url:
        yield url


@pytest.fixture
def service(world: World, simulator: str, tmp_path: Path) -> Iterator[Service]:
    world.describe(apiUrl=simulator, loginUrl=simulator)
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    made = Service(world, simulator, tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


async def test_the_service_delivers_what_is_committed_and_stops_on_sigterm(service: Service) -> None:
    service.start()
    service.until(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    assert service.live() == {"Front": "1.0", "Hours": "1.0"}
    ready, metrics = service.get("/readyz"), service.get("/metrics")
    missing = service.get("/webhooks/github")
    assert missing is not None
    assert missing.status_code == 404, "without a secret there is no such endpoint"
    assert ready is not None
    assert ready.status_code == 200
    assert metrics is not None
    assert 'penstock_sync_status{organization="acme",status="Synced"} 1.0' in metrics.text

    service.world.flow("hours", module("Hours", says="We are open"))
    service.world.commit()
    service.until(lambda: service.live() == {"Front": "2.0", "Hours": "2.0"}, "the second delivery")
    service.until(
        lambda: "hours 2.0" in service.world._git(service.world.remote, "log", "-1", "--format=%B", RECORDS),
        "the record",
    )
    service.until(lambda: service.organization().get("message") == "in sync", "rest")
    page = service.get("/organizations/acme/flows/front")
    assert page is not None
    assert [text in page.text for text in ("Synced", "Healthy", "<b>2.0</b>", "/syncs/2", "/assets/")] == [True] * 5
    commits = service.world._git(service.world.remote, "rev-list", "--count", "main", RECORDS)

    assert service.stop() == 0
    assert service.world._git(service.world.remote, "rev-list", "--count", "main", RECORDS) == commits
    log = service.log.read_text()
    assert SECRET not in log
    assert log.count("revision.read") == 2, "an own commit was taken for a new desired state"


async def test_drift_is_seen_within_one_interval(service: Service) -> None:
    service.start()
    service.until(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    service.publish_by_hand("Front", "Ada Lovelace")

    service.until(lambda: service.organization().get("sync") == "OutOfSync", "the drift")

    assert "Ada Lovelace" in service.organization()["message"]
    assert service.live()["Front"] == "2.0"


async def test_a_broken_revision_changes_nothing_and_is_shown_until_it_is_mended(service: Service) -> None:
    service.start()
    service.until(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    (service.world.clone / "front.yaml").write_text("kind: Flow\napiVersion: penstock/v1\nspec: {}\n")
    service.world.commit()

    service.until(lambda: "front.yaml" in (service.get("/status").json()["fault"] or ""), "the fault")

    assert service.live() == {"Front": "1.0", "Hours": "1.0"}
    service.world.flow("front", inbound("Front", calls=["Hours"], says="Mended"))
    service.world.commit()
    service.until(lambda: service.live()["Front"] == "2.0", "the mended revision")


async def test_a_killed_service_goes_on_where_it_was(service: Service) -> None:
    service.start()
    eventually(lambda: len(service.live()) >= 1, "the first flow")
    assert service.process is not None
    service.process.kill()
    service.process.wait()

    service.start()

    service.until(lambda: service.organization().get("sync") == "Synced", "the delivery after the crash")
    assert service.published() == {"Front": ["1.0"], "Hours": ["1.0"]}


async def test_a_local_folder_is_watched_during_development(service: Service) -> None:
    service.start(str(service.world.clone), "--allow-dirty")
    service.until(lambda: service.organization().get("sync") == "Synced", "the first delivery")

    service.world.flow("hours", module("Hours", says="Saved, not committed"))

    service.until(lambda: service.live() == {"Front": "2.0", "Hours": "2.0"}, "the saved change")
