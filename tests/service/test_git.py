"""`penstock run` as a process while its branches are deleted, renamed and rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.sources import inbound
from tests.support.world import RECORDS, World


@pytest.fixture
def service(world: World, tmp_path: Path) -> Iterator[Service]:
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        world.flow("front", inbound("Front"))
        world.commit()
        made = Service(world, url, tmp_path)
        yield made
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def refs(service: Service) -> dict[str, str]:
    listing = service.world._git(service.world.remote, "for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.split() for line in listing.splitlines())


def fault(service: Service) -> str:
    answer = service.get("/status")
    return (answer.json()["fault"] or "") if answer is not None else ""


def counted(service: Service, event: str) -> int:
    return service.log.read_text().count(event)


def in_sync(service: Service) -> bool:
    found = service.organization()
    return (found.get("sync"), found.get("message")) == ("Synced", "in sync")


def assert_told_and_brought_back(service: Service, *gone: str) -> None:
    """The branch is gone after this git command, and back with the next push."""
    world, live, failures = service.world, service.live()["Front"], counted(service, "follow.failed")
    world._git(world.remote, *gone)
    left = refs(service)
    service.until(lambda: "the branch main is gone" in fault(service), "the fault")
    service.until(lambda: service.organization().get("sync") == "Unknown", "the look of before being taken back")
    assert "the branch main is gone" in service.organization()["message"]
    passes = counted(service, "pass.done")
    service.until(lambda: counted(service, "follow.failed") > failures + 3, "more looks at the remote")
    assert counted(service, "pass.done") >= passes
    assert refs(service) == left
    assert service.live() == {"Front": live}

    world.flow("front", inbound("Front", says=f"Later than {live}"))
    world.git("commit", "--quiet", "--all", "--message", "Go on")
    world.git("push", "--quiet", "origin", "main")
    service.until(lambda: service.live() == {"Front": f"{float(live) + 1}"}, "the delivery of what was pushed")
    service.until(lambda: in_sync(service), "rest")
    assert fault(service) == ""


@pytest.mark.parametrize("named", [True, False], ids=["named", "by the remote's HEAD"])
async def test_a_followed_branch_that_is_gone_is_told_and_not_made_and_an_ordinary_push_brings_it_back(
    service: Service, named: bool
) -> None:
    if named:
        service.environment["PENSTOCK_BRANCH"] = "main"
    service.start()
    service.until(lambda: in_sync(service), "the first delivery")
    assert_told_and_brought_back(service, "update-ref", "-d", "refs/heads/main")
    assert_told_and_brought_back(service, "branch", "-m", "main", "trunk")
    assert service.live() == {"Front": "3.0"}
    assert service.stop() == 0


async def test_after_a_force_push_the_service_delivers_what_git_asks_for(service: Service) -> None:
    world = service.world
    world.describe(apiUrl=service.url, loginUrl=service.url, artifacts={"branch": "main"})
    world.commit("Keep records on main")
    service.start()
    service.until(lambda: in_sync(service), "the first delivery")
    world.git("pull", "--quiet", "--rebase", "origin", "main")
    first = world.git("rev-parse", "HEAD")
    world.flow("front", inbound("Front", says="Later"))
    world.commit()
    log = ("log", "--format=%B", "main")
    service.until(lambda: "- front 2.0" in world._git(world.remote, *log), "the record of the second delivery")
    world.git("reset", "--quiet", "--hard", first)
    world.git("push", "--quiet", "--force", "origin", "main")
    service.until(lambda: service.live() == {"Front": "1.0"}, "what git asks for again")
    service.until(lambda: in_sync(service), "rest")
    assert f"refs/heads/{RECORDS}" not in refs(service)
    assert service.stop() == 0
