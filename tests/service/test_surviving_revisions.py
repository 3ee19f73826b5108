"""Whatever a revision holds, and whatever the system refuses, the service goes on with the last good revision."""

from __future__ import annotations

import asyncio
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.process import InternalFault, ResourcesExhausted
from controller.domain.errors.repository import RepositoryFailed
from controller.repository.repository import Repository
from controller.service.feeds import FolderFeed, GitFeed
from tests.support.patience import PATIENCE_S
from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.sources import inbound
from tests.support.world import World

TODO = "<todo>: remove me\n"
BLANK_LINES = "\n" * 40 + "title: notes of the team\n"


@pytest.fixture
def service(world: World, tmp_path: Path) -> Iterator[Service]:
    with simulator_thread(rate_limit=3000) as simulator:
        world.describe(apiUrl=simulator, loginUrl=simulator)
        world.flow("front", inbound("Front"))
        world.commit()
        made = Service(world, simulator, tmp_path)
        yield made
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def fault(service: Service) -> str:
    answer = service.get("/status")
    return (answer.json()["fault"] or "") if answer is not None else ""


async def test_hostile_revisions_are_faults_and_the_next_good_one_is_delivered(service: Service) -> None:
    world = service.world
    service.start()
    service.until(lambda: service.live() == {"Front": "1.0"}, "the first delivery")

    manifest = world.clone / "front.yaml"
    good = manifest.read_text()
    manifest.write_text(good + TODO)
    world.commit("Leave a placeholder")
    service.until(lambda: "<todo>" in fault(service), "the fault of the placeholder")
    assert service.live() == {"Front": "1.0"}

    assert service.stop() == 0
    service.start()
    service.until(lambda: "<todo>" in fault(service), "the fault after a restart on the broken revision")

    manifest.write_text(good)
    (world.clone / "notes.yaml").write_text(BLANK_LINES)
    world.flow("front", inbound("Front", says="Mended"))
    world.commit("Mend it, and add notes")
    service.until(lambda: service.live() == {"Front": "2.0"}, "the mended revision")
    service.until(lambda: service.organization().get("message") == "in sync", "the record")

    bad_link = _commit_link_with_nul(world)
    service.until(lambda: bad_link[:12] in fault(service) or fault(service) == "", "the revision with the forged link")
    world.flow("front", inbound("Front", says="Better"))
    world.commit("Take the link away")
    service.until(lambda: service.live() == {"Front": "3.0"}, "the revision after the forged link")
    assert service.process is not None
    assert service.process.poll() is None


def _commit_link_with_nul(world: World) -> str:
    """A commit whose tree holds a link that leads to a name with a NUL, which no file system takes."""
    git = ["git", "-C", str(world.clone)]
    blob = (
        subprocess.run([*git, "hash-object", "-w", "--stdin"], input=b"a\0b", capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    world.git("pull", "-q", "--rebase", "origin", "main")
    world.git("update-index", "--add", "--cacheinfo", f"120000,{blob},link.yaml")
    world.git("commit", "-q", "-m", "Forge a link")
    world.git("push", "-q", "origin", "HEAD:main")
    return world.git("rev-parse", "HEAD")


async def test_a_branch_that_is_not_there_yet_is_a_fault_until_it_is(service: Service) -> None:
    service.environment["PENSTOCK_BRANCH"] = "production"
    service.start()
    service.until(lambda: "production" in fault(service), "the fault")

    service.world.git("push", "-q", "origin", "HEAD:refs/heads/production")

    service.until(lambda: service.live() == {"Front": "1.0"}, "the delivery from the new branch")
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (IndexError("tuple index out of range"), InternalFault),
        (ValueError("embedded null byte"), InternalFault),
        (RecursionError("too deep"), InternalFault),
        (MemoryError(), ResourcesExhausted),
        (OSError(24, "Too many open files"), ResourcesExhausted),
        (BlockingIOError(11, "Resource temporarily unavailable"), ResourcesExhausted),
        (OSError(12, "Cannot allocate memory"), ResourcesExhausted),
        (RuntimeError("can't start new thread"), InternalFault),
    ],
    ids=lambda value: type(value).__name__ + getattr(value, "strerror", "") if isinstance(value, Exception) else "",
)
async def test_what_nobody_foresaw_is_told_and_the_revision_is_read_again(
    world: World, error: Exception, kind: type[PenstockError]
) -> None:
    world.flow("front", inbound("Front"))
    world.commit()

    class Failing(Repository):
        """A repository that cannot be read for once, as a full machine or a fault of ours would have it."""

        failures = [error, error]  # noqa: RUF012 - of one test

        def remote_head(self, branch: str) -> str | None:
            if self.failures:
                raise self.failures.pop()
            return super().remote_head(branch)

    cloned = Repository.clone(str(world.remote), world.folder / "service.git", branch="main")
    failing = Failing(cloned.top, cloned._place, followed="main")
    told: list[PenstockError | None] = []
    feed = GitFeed(lambda: failing, world.settings, world.clock)

    workspace = await asyncio.wait_for(anext(feed.workspaces(told.append)), PATIENCE_S)

    assert workspace.revision == world.git("rev-parse", "HEAD")
    assert [type(each) for each in told if each is not None] == [kind, kind]


def test_git_that_cannot_be_started_is_a_fault_that_passes(world: World) -> None:
    """The limit of open files is reached for real."""
    repository = Repository.open(world.clone)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        while True:
            try:
                taken.append(Path("/dev/null").open("rb"))  # noqa: SIM115 - closed below
            except OSError:
                break
        with pytest.raises(ResourcesExhausted, match="git cannot be started"):
            repository.revision()
    finally:
        for each in taken:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_folder_that_goes_away_is_a_fault_until_it_comes_back(world: World) -> None:
    world.flow("front", inbound("Front"))
    told: asyncio.Queue[PenstockError | None] = asyncio.Queue()
    feed = FolderFeed(world.clone, world.settings, world.clock).workspaces(told.put_nowait)
    assert (await anext(feed)).desired.organizations
    away = world.clone.rename(world.folder / "away")
    waiting = asyncio.ensure_future(anext(feed))
    fault = await asyncio.wait_for(told.get(), PATIENCE_S)
    assert isinstance(fault, RepositoryFailed | InternalFault | ManifestInvalid)

    away.rename(world.clone)

    assert (await asyncio.wait_for(waiting, PATIENCE_S)).desired.organizations
