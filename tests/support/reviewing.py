"""A controller at work beside a fake forge whose pull requests are real refs of the world's remote.

Long waits end when a test says so, so each poll is a step of the test; the forge answers over a real socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from controller.domain.lease_times import usual_lease_s
from controller.forges.port import ForgeKind
from controller.reconcile.services import Services
from controller.repository.repository import Repository
from controller.service.assignment import BEATS_PER_TTL
from controller.service.controller import Controller
from controller.service.feeds import GitFeed
from controller.service.followed_repository import RepositorySource
from controller.service.live_poll import LIVE_POLL_S
from controller.service.pull_requests import PullRequests
from tests.support import remotes
from tests.support.clock import SteppedClock
from tests.support.forges.model import PullRequest
from tests.support.forges.server import served
from tests.support.forges.worlds import BOT, NAME, forge_world
from tests.support.patience import PATIENCE_S
from tests.support.world import World

POLL_S, DRIFT_S = 40.0, 59.0
_HELD_S = 30.0
_LOOK_S = 0.002
_BEAT_S = usual_lease_s(server=False) / BEATS_PER_TTL
_STEADY = 15
"""Looks in a row at which nothing is at work."""


class HeldClock(SteppedClock):
    """Waits of half a minute and more end when the test ends them; shorter ones take no time.

    Between two looks of the controller at its store no time passes at all: there are so many of them that a lease
    would expire while git is at work.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[tuple[float, asyncio.Future[None]]] = []
        self._beats: list[tuple[float, asyncio.Future[None]]] = []
        self.ended = 0
        """How often the test let waits end."""

    async def sleep(self, seconds: float) -> None:
        if seconds == LIVE_POLL_S:
            await asyncio.sleep(_LOOK_S)
            return
        if seconds == _BEAT_S:  # of a replica: its leases last longer than the waits that a test ends
            beat = self.elapsed_s + seconds, asyncio.get_running_loop().create_future()
            self._beats.append(beat)
            await beat[1]
            return
        if seconds < _HELD_S:
            await super().sleep(seconds)
            return
        entry = seconds, asyncio.get_running_loop().create_future()
        self._held.append(entry)
        try:
            await entry[1]
        finally:
            self._held.remove(entry)

    def _wake(self) -> None:
        """Short waits take time, too: nobody's lease ends because many of them follow each other."""
        super()._wake()
        self._beat(self.elapsed_s)

    def _beat(self, until_s: float) -> None:
        for due_s, beat in self._beats:
            if due_s <= until_s and not beat.done():
                beat.set_result(None)
        self._beats = [each for each in self._beats if not each[1].done()]

    def held(self, least: float, most: float) -> int:
        """How many wait so long."""
        return sum(least <= seconds <= most for seconds, _ in self._held)

    def end(self, least: float, most: float) -> None:
        """Let this time pass, and end these waits."""
        self.ended += 1
        self.elapsed_s += most
        self._beat(math.inf)
        for seconds, future in self._held:
            if least <= seconds <= most and not future.done():
                future.set_result(None)

    @property
    def in_threads(self) -> bool:
        """Whether git or another blocking call is at work."""
        return self._in_threads > 0


class Running:
    """One controller; `poll` and `drift` are its steps."""

    def __init__(self, services: Services, clock: HeldClock, clone: Callable[[], Repository]) -> None:
        self._clock = clock
        self.others = 0
        """Controllers beside this one, which rest as well."""
        self._stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        source = RepositorySource("default", services.settings, GitFeed(clone, services.settings, clock))
        self.controller = Controller(services, [source], self._stop)

    @property
    def planner(self) -> PullRequests:
        """The part that plans pull requests."""
        planner = self.controller.repositories[0].pull_requests
        assert planner is not None
        return planner

    async def rest(self) -> None:
        """Until every part waits for its next step."""
        loop = asyncio.get_running_loop()
        deadline, steady = loop.time() + PATIENCE_S, 0
        while steady < _STEADY:
            if loop.time() > deadline:
                raise AssertionError(f"no rest: {self._clock._held}; {self.controller.board.entries()}")
            steady = steady + 1 if self._at_rest() else 0
            await asyncio.sleep(0.002 if steady == 0 else 0)

    def _at_rest(self) -> bool:
        clock, workers = self._clock, self.controller._workers
        if (
            clock.in_threads
            or clock.held(45.0, 45.0)
            or not (len(workers) or self.others)
            or self.planner._wake.is_set()
        ):
            return False
        planning = clock.held(POLL_S, POLL_S) + clock.held(DRIFT_S + 1, 80_000)
        following = clock.held(0.9 * POLL_S, 1.1 * POLL_S) - clock.held(POLL_S, POLL_S)
        busy = any(worker._reasons or worker._woken.is_set() for worker in workers)
        return min(planning, following) >= self.others + 1 and clock.held(DRIFT_S, DRIFT_S) > 0 and not busy

    async def end(self) -> None:
        """Stop it, and wait for its end."""
        self._stop.set()
        if self.task is not None:
            await asyncio.wait_for(self.task, PATIENCE_S)

    async def poll(self) -> None:
        """The next look at the forge and at git."""
        self._clock.end(0.9 * POLL_S, 1.1 * POLL_S)
        await asyncio.sleep(0)
        await self.rest()

    async def drift(self) -> None:
        """The next pass over each organisation, and what it leads to."""
        self._clock.end(DRIFT_S, DRIFT_S)
        await asyncio.sleep(0)
        await self.rest()


class Reviewing:
    """A world, a forge with the repository `acme/flows`, and the controllers that a test starts."""

    def __init__(self, world: World, kind: ForgeKind, url: str, forge: Any) -> None:
        self.world, self.forge, self.kind, self._url = world, forge, kind, url
        self.server, self.repository = forge.server, forge.repository
        self.repository.pulls.clear()
        self.settings: dict[str, object] = {}
        self._folders = 0

    @property
    def clock(self) -> HeldClock:
        assert isinstance(self.world.clock, HeldClock)
        return self.world.clock

    def commit(self, message: str = "Change the base") -> str:
        """Push to the base."""
        sha = self.world.commit(message)
        self.server.forge.push(self.repository, "main", sha)
        return sha

    def push(self, branch: str, write: Callable[[], object], *, onto: str = "main") -> str:
        """Commit what `write` writes to a branch, and push it; the base stays what it is."""
        world = self.world
        world.git("checkout", "--quiet", "-B", branch, onto)
        write()
        world.git("add", "--all")
        world.git("commit", "--quiet", "--allow-empty", "--message", f"Change {branch}")
        sha = world.git("rev-parse", "HEAD")
        world.git("checkout", "--quiet", "--force", "main")
        world.git("clean", "--quiet", "--force", "-d")
        return self.head(branch, sha)

    def head(self, branch: str, sha: str, *, fork: bool = False) -> str:
        """Make a commit the head of the branch, and of its pull requests."""
        source = self.fork() if fork else self.repository
        self.server.forge.push(source, branch, sha)
        for pull in self.repository.pulls.values():
            if pull.head_branch == branch:
                self._publish(pull)
        return sha

    def fork(self) -> Any:
        found = self.server.forge.find("mallory/flows")
        return found or self.server.forge.repository("mallory/flows", fork_of=self.repository)

    def open(self, branch: str, write: Callable[[], object], *, by: str = "ada", into: str = "main") -> PullRequest:
        """A pull request of a branch of the repository itself; of a fork where `mallory` opens it."""
        sha = self.push(branch, write)
        source = self.fork() if by == "mallory" else self.repository
        source.branches[branch] = sha
        pull = self.server.forge.pull_request(self.repository, by, branch, head=source, into=into)
        self._publish(pull)
        return pull

    def _publish(self, pull: PullRequest) -> None:
        ref = self.kind.head_ref(pull.number)
        clone, remote = self.world.clone, self.world.remote
        if not remotes.push(clone, remote, pull.sha, ref, old=remotes.tip(remote, ref)):
            self.world.git("push", "--quiet", "--force", "origin", f"{pull.sha}:{ref}")

    def merge(self, pull: PullRequest, by: str = "grace") -> str:
        """Merge a pull request, as the forge would."""
        world = self.world
        world.git("merge", "--quiet", "--no-ff", "--message", f"Merge {pull.number}", pull.sha)
        world.git("push", "--quiet", "origin", "HEAD:main")
        return self.server.forge.merge(pull, by, world.git("rev-parse", "HEAD"))

    @contextlib.asynccontextmanager
    async def controller(self, holder: str = "controller-a", others: int = 0) -> AsyncIterator[Running]:
        """A controller over the store, with a clone of its own, at rest after its first looks.

        Where there are `others`, one of them may look after the organisation.
        """
        url = f"{self._url}/api/v3" if self.kind is ForgeKind.GITHUB else self._url
        changes: Mapping[str, object] = {
            "repository_url": str(self.world.remote),
            "forge": self.kind,
            "forge_url": url,
            "forge_repository": NAME,
            "poll_interval": POLL_S,
            "drift_interval": DRIFT_S,
            "http_address": "127.0.0.1:0",
            "holder": holder,
            **self.settings,
        }
        services = self.world._services(holder)
        services.settings = services.settings.model_copy(update=dict(changes))
        self._folders += 1
        into = self.world.folder / f"clone-{self._folders}.git"
        running = Running(services, self.clock, lambda: Repository.clone(str(self.world.remote), into))
        running.task = asyncio.create_task(running.controller.run())
        try:
            running.others = others
            await running.rest()
            yield running
        finally:
            await running.end()
            services.store.close()

    # What the forge shows.

    def statuses(self, sha: str) -> dict[str, str]:
        """The state of each context of a commit."""
        return {one.context: one.state for one in self.server.forge.latest_statuses(self.repository, sha)}

    @staticmethod
    def body(pull: PullRequest) -> str:
        """The one comment of a pull request."""
        assert len(pull.comments) == 1, [each.body for each in pull.comments]
        assert pull.comments[0].author.login == BOT
        return pull.comments[0].body

    def calls(self) -> int:
        """How many calls the organisation got."""
        return self.world.simulator.calls.count()


@contextlib.contextmanager
def reviewing(folder: Path, kind: ForgeKind = ForgeKind.GITHUB, **world: Any) -> Iterator[Reviewing]:
    """The forge over a socket, and an organisation with nothing in it."""
    forge = forge_world(kind)
    made = World(folder, clock=HeldClock(), **world)
    if kind is ForgeKind.GITHUB:
        forge.server.wall = lambda: made.clock.now().timestamp()
    with served(forge.server) as url:
        yield Reviewing(made, kind, url, forge)
