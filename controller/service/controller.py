"""The long-running controller: a feed for each repository, a worker for each organisation, one HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.process import SettingsInvalid
from controller.domain.status import Health
from controller.reconcile.announcing import RECEIVER
from controller.reconcile.pass_ import Unwatched
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.service.access.opening import open_access
from controller.service.api.app import create_api
from controller.service.api.paths import ApiMount
from controller.service.assignment import Assignment
from controller.service.belonging import belonging, delivered_elsewhere
from controller.service.board import Board
from controller.service.connections import LoopFaults
from controller.service.described import Described
from controller.service.followed_repository import FollowedRepository, RepositorySource
from controller.service.housekeeping import keep_house
from controller.service.http import Measured, create_app, serve, service_routes
from controller.service.incoming import IncomingWebhooks
from controller.service.listing import OrganizationList
from controller.service.live import BEGINNINGS
from controller.service.live_poll import LiveHandlers, LivePoll
from controller.service.metrics import Metrics
from controller.service.orders import Orders, Telling
from controller.service.organization_workers import OrganizationWorkers
from controller.service.window import ServiceWindow
from controller.service.worker import Worker
from controller.store.actions import Verb
from controller.store.live_marks import LiveChanges

log = structlog.get_logger()

_THREADS = 64
"""For git, files and name resolution: far more than wait at once, so slow ones do not delay others."""
_PAUSE_S = 5.0


class _CountingListener(Unwatched):
    """Counts the events of running deliveries, and shows at once that flows are being changed."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def progressed(self, event: DeliveryEvent) -> None:
        self._metrics.count_event(event)
        if event.name in BEGINNINGS:
            self._metrics.healthy(event.organization, Health.PROGRESSING)


class Controller:
    """Runs until `stop` is set. Then no change begins, running changes end or are parked, and everything is closed."""

    def __init__(
        self,
        services: Services,
        sources: Sequence[RepositorySource],
        stop: asyncio.Event,
        *,
        allow_dirty: bool = False,
    ) -> None:
        """`services` is what all repositories share. Raises SettingsInvalid."""
        self._services = services
        self._stop = stop
        self._allow_dirty = allow_dirty
        self._described: Mapping[str, Described] = {}
        """All organisations that the repositories describe, by name."""
        self.board = Board(services.clock)
        self.metrics = Metrics(services.clock)
        self._workers = OrganizationWorkers(self._worker, self._worker_ended)
        self._assignment = Assignment(services, self._workers)
        self.metrics.share(lambda: self._assignment.counts)
        self.metrics.serve(services.settings.drift_interval, self.board, self._ready, services.loads)
        services.observer = self.metrics.calls_of
        services.on_try = self.metrics.tried
        services.store.database.observer = self.metrics.stored
        if services.settings.webhook_url is not None:
            self.metrics.sends_to(RECEIVER)
        for receiver in services.notifications.targets:
            self.metrics.sends_to(receiver)
        self.repositories = [self._followed(each) for each in sources]
        self._listing = OrganizationList(services)
        self._poll = LivePoll(services, self._handlers())

    def _ready(self) -> bool:
        return self.board.ready and self._services.store.database.fault is None

    def _followed(self, source: RepositorySource) -> FollowedRepository:
        entry, services = self.board.follow(source.name), self._services.of(source.settings)
        return FollowedRepository(source, services, entry, self._nudge)

    async def run(self) -> None:
        """Work until `stop` is set. Raises SettingsInvalid when the operator's settings prevent the start."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="penstock"))
        loop.set_exception_handler(LoopFaults())
        log.info("service.started", holder=self._services.holder)
        try:
            async with asyncio.TaskGroup() as group:
                await self._work(group)
        except BaseExceptionGroup as errors:
            raise (_settings_mistake(errors) or errors) from None
        finally:
            await self._services.disconnect()
            for repository in self.repositories:
                await repository.aclose()
        log.info("service.stopped")

    async def _work(self, group: asyncio.TaskGroup) -> None:
        services = self._services
        announcements = services.announcements
        app = self._app()
        server = group.create_task(self._lasting(lambda: serve(app, services.settings.http_address, self._stop)))
        beginning = [
            group.create_task(
                self._lasting(lambda: keep_house(services.store, services.clock, self.metrics.audited)),
                name="housekeeping",
            ),
            group.create_task(self._lasting(self._poll.run), name="live"),
        ]
        for repository in self.repositories:
            for name, work in repository.tasks(lambda: self._employ(group)).items():
                beginning.append(group.create_task(self._lasting(work), name=name))
        announcing = group.create_task(announcements.run(), name="announcements")
        sharing = group.create_task(
            self._lasting(lambda: self._assignment.run(lambda: self._arrange(group))), name="assignment"
        )
        await self._stop.wait()
        log.info("service.stopping", workers=len(self._workers))
        for task in beginning:
            task.cancel()
        # Each organisation goes to another replica as soon as its worker has ended.
        self._assignment.serve(())
        await asyncio.gather(server, *self._workers.stop())
        sharing.cancel()
        self._assignment.leave()
        announcing.cancel()

    def _app(self) -> Starlette:
        """All that is served. Raises SettingsInvalid."""
        services = self._services
        access = open_access(services.settings, services.store, services.clock)
        window = ServiceWindow(
            services, lambda: list(self._described.values()), self._nudge, access, lambda: self.board.repositories
        )
        routes = service_routes(self.board, self.metrics.registry, services.latencies, services.store)
        api = ApiMount(lambda: create_api(window, self._stop))
        app = create_app([*routes, *self._webhooks(), api], window)
        app.add_middleware(Measured, observer=self.metrics.answered)
        return app

    def _webhooks(self) -> list[Route]:
        """The endpoints of forges' webhooks; none where no repository has a secret for them. Raises SettingsInvalid."""
        hooked = [hook for repository in self.repositories if (hook := repository.hook()) is not None]
        if not hooked:
            return []
        self.metrics.take_webhooks()
        return IncomingWebhooks(hooked, self._services.clock, self.metrics.webhook).routes()

    async def _lasting(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, and restart it after an unexpected error, so that the workers survive it."""
        while True:
            try:
                return await work()
            except Exception as error:
                began = any(each.revision is not None for each in self.board.repositories)
                if isinstance(error, SettingsInvalid) and not began:
                    raise
                log.exception("service.broke")
            await self._services.clock.sleep(_PAUSE_S)

    def _employ(self, group: asyncio.TaskGroup) -> None:
        """Look after this process' share of the organisations that are described now; the list in the store has all."""
        read = [each.workspace is not None for each in self.repositories]
        if not any(read):
            return
        claims = [each.claim(undecided=self.board.waits_for(each.entry)) for each in self.repositories]
        found = belonging(claims, delivered_elsewhere)
        self._described = wanted = found.wanted
        for repository in self.repositories:
            own = [name for name, each in wanted.items() if each.repository == repository.name]
            repository.keep(own, found.refused.get(repository.name, {}))
        self._listing.read([each.organization for each in wanted.values()], complete=all(read))
        self._assignment.serve(wanted.keys())
        self._arrange(group)

    def _arrange(self, group: asyncio.TaskGroup) -> None:
        """Let board, metrics and workers follow the assignment."""
        own = {name: each for name, each in self._described.items() if name in self._assignment.organizations}
        self.board.expect(self._described, own)
        self.board.joined = self.board.joined or self._assignment.settled
        self.metrics.expect(own)
        self._workers.employ({} if self._stop.is_set() else own, group)

    def _worker(self, organization: str, services: Services) -> Worker:
        return Worker(
            organization,
            services,
            drift_interval_s=services.settings.drift_interval,
            tell=Telling(self._report, self._fail, _CountingListener(self.metrics)),
            orders=Orders(self._stop.is_set, lambda: self._assignment.holds(organization)),
            allow_dirty=self._allow_dirty,
        )

    def _worker_ended(self) -> None:
        self._assignment.wake()

    def _handlers(self) -> LiveHandlers:
        return LiveHandlers(
            health=self._healthy,
            nudge=self._nudge,
            asked=self._asked,
            viewed=self._viewed,
            assigned=self._assignment.wake,
            pushed=self._pushed,
            catch_up=self._listing.catch_up,
        )

    def _viewed(self, organizations: frozenset[str]) -> None:
        """Tell the repositories of passes of other replicas."""
        for name in sorted(organizations):
            for repository in () if name in self._workers else self.repositories:
                repository.told(name)

    def _pushed(self, changes: LiveChanges) -> None:
        for repository in self.repositories:
            repository.heard(changes)

    def _nudge(self, organization: str, reason: str) -> None:
        worker = self._workers.of(organization)
        if worker is not None:
            worker.nudge(reason)

    def _healthy(self, organization: str, health: Health) -> None:
        if organization in self._workers:
            self.metrics.healthy(organization, health)

    def _asked(self, organization: str, verbs: frozenset[Verb]) -> None:
        worker = self._workers.of(organization)
        if worker is not None:
            worker.asked(verbs)

    def _report(self, report: PassReport) -> None:
        name = report.organization
        if name not in self._workers:
            return
        self.board.post(report)
        repositories = [each for each in self.repositories if each.has(name)]
        self.metrics.observe(report, manual=any(each.manual(name) for each in repositories))
        if isinstance(report.error, LeaseHeld) and name in self._poll.moving:
            self.metrics.healthy(name, Health.PROGRESSING)  # as the one with the lease says
        for repository in repositories:
            repository.looked(report)

    def _fail(self, organization: str, error: Exception) -> None:
        if organization in self._workers:
            self.board.post_fault(organization, error)
            self.metrics.failed(organization)


def _settings_mistake(errors: BaseExceptionGroup) -> BaseException | None:
    """The first mistake of the operator in a group of errors; None where there is none."""
    found: BaseException | None = errors.subgroup(SettingsInvalid)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
