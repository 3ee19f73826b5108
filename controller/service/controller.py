"""The long-running controller: one feed of desired states, one worker for each organisation, one HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import Organization, SyncMode
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import BranchGone
from controller.domain.status import Health
from controller.forges.port import Forge
from controller.reconcile.announcing import RECEIVER, incoming_webhook_secret
from controller.reconcile.forge import forge_of
from controller.reconcile.pass_ import Unwatched
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.service.access.opening import open_access
from controller.service.api.app import create_api
from controller.service.api.paths import ApiMount
from controller.service.board import Board
from controller.service.connections import LoopFaults
from controller.service.feeds import Feed
from controller.service.housekeeping import keep_house
from controller.service.http import Measured, create_app, serve, service_routes
from controller.service.incoming import IncomingWebhooks, Listeners
from controller.service.listing import OrganizationList
from controller.service.live import BEGINNINGS
from controller.service.live_poll import LiveHandlers, LivePoll
from controller.service.merged import MergedPullRequests, Workers
from controller.service.metrics import Metrics
from controller.service.pull_requests import PullRequests
from controller.service.window import ServiceWindow
from controller.service.worker import Telling, Worker
from controller.store.actions import Verb

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

    def __init__(self, services: Services, feed: Feed, stop: asyncio.Event, *, allow_dirty: bool = False) -> None:
        self._services = services
        self._feed = feed
        self._stop = stop
        self._allow_dirty = allow_dirty
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._leaving: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        """Workers of organisations that are gone; their last pass may still be running."""
        self._branch_is_gone = False
        self._workspace: Workspace | None = None
        self._forge = forge_of(services.settings, services.clock)
        self._pull_requests = None if self._forge is None else self._planner(self._forge)
        self.board = Board(services.clock)
        self.metrics = Metrics(services.clock)
        self.metrics.serve(
            drift_interval_s=services.settings.drift_interval, ready=lambda: self.board.ready, loads=services.loads
        )
        services.observer = self.metrics.calls_of
        services.on_try = self.metrics.tried
        services.store.database.observer = self.metrics.stored
        if services.settings.webhook_url is not None:
            self.metrics.sends_to(RECEIVER)
        self._listing = OrganizationList(services)
        handlers = LiveHandlers(self._healthy, self._nudge, self._asked, self._listing.catch_up)
        self._poll = LivePoll(services, handlers)

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
            if self._forge is not None:
                await self._forge.aclose()
        log.info("service.stopped")

    async def _work(self, group: asyncio.TaskGroup) -> None:
        services = self._services
        announcements = services.announcements
        app = self._app()
        server = group.create_task(self._lasting(lambda: serve(app, services.settings.http_address, self._stop)))
        beginning = [
            group.create_task(self._lasting(lambda: self._follow(group)), name="feed"),
            group.create_task(
                self._lasting(lambda: keep_house(services.store, services.clock, self.metrics.audited)),
                name="housekeeping",
            ),
            group.create_task(self._lasting(self._poll.run), name="live"),
        ]
        if self._pull_requests is not None:
            beginning.append(group.create_task(self._lasting(self._pull_requests.run), name="pull requests"))
        announcing = group.create_task(announcements.run(), name="announcements")
        await self._stop.wait()
        log.info("service.stopping", workers=len(self._workers))
        for task in beginning:
            task.cancel()
        employed = [*self._workers.values(), *self._leaving.values()]
        for worker, _ in employed:
            worker.stop()
        await asyncio.gather(server, *(task for _, task in employed))
        announcing.cancel()

    def _app(self) -> Starlette:
        """All that is served. Raises SettingsInvalid."""
        services = self._services
        access = open_access(services.settings, services.store, services.clock)
        window = ServiceWindow(services, lambda: self._workspace, self._nudge, access)
        routes = service_routes(self.board, self.metrics.registry, services.latencies, services.store)
        api = ApiMount(create_api(window, self._stop))
        app = create_app([*routes, *self._webhooks(), api], window)
        app.add_middleware(Measured, observer=self.metrics.answered)
        return app

    def _webhooks(self) -> list[Route]:
        """The endpoints of forges' webhooks; none without a secret or without a remote. Raises SettingsInvalid."""
        settings = self._services.settings
        secret = incoming_webhook_secret(settings)
        if secret is None or settings.repository_url is None:
            return []
        planner = self._pull_requests
        listeners = Listeners(self._feed.pushed, (lambda _: False) if planner is None else planner.changed)
        # Where the operator names the forge's repository, git may be read from a mirror of it.
        url = settings.forge_repository or settings.repository_url
        clock, count = self._services.clock, self.metrics.webhook
        self.metrics.take_webhooks()
        return IncomingWebhooks(secret, url, listeners, clock, count).routes()

    async def _lasting(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, and restart it after an unexpected error, so that the workers survive it."""
        while True:
            try:
                return await work()
            except Exception as error:
                if isinstance(error, SettingsInvalid) and self.board.revision is None:
                    raise
                log.exception("service.broke")
            await self._services.clock.sleep(_PAUSE_S)

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        async for workspace in self._feed.workspaces(self._fault):
            self.board.fault = None
            self.metrics.unreadable(fault=False)
            self._branch_is_gone = False
            self.board.revision = workspace.revision
            self._workspace = workspace
            if self._pull_requests is not None:
                self._pull_requests.pushed()
            log.info("revision.read", revision=workspace.revision)
            self._employ(workspace, group)

    def _planner(self, forge: Forge) -> PullRequests:
        workers = Workers(manual=self._manual, is_ancestor=self._is_ancestor, again=self._nudge)
        merged = MergedPullRequests(self._services, forge, workers)
        return PullRequests(self._services, forge, lambda: self._feed.repository, merged)

    def _manual(self, organization: str) -> bool:
        known = self._workspace.desired.organizations if self._workspace is not None else ()
        return any(each.name == organization and each.sync.mode is SyncMode.MANUAL for each in known)

    def _is_ancestor(self, older: str, newer: str) -> bool:
        repository = self._feed.repository
        return repository is not None and repository.is_ancestor(older, newer)

    def _nudge(self, organization: str, reason: str) -> None:
        if organization in self._workers:
            self._workers[organization][0].nudge(reason)

    def _healthy(self, organization: str, health: Health) -> None:
        if organization in self._workers:
            self.metrics.healthy(organization, health)

    def _asked(self, organization: str, verbs: frozenset[Verb]) -> None:
        if organization in self._workers:
            self._workers[organization][0].asked(verbs)

    def _fault(self, error: PenstockError | None) -> None:
        known, self.board.fault = self.board.fault, None if error is None else error.message
        self.metrics.unreadable(fault=error is not None)
        self._look_again(branch_is_gone=isinstance(error, BranchGone))
        if error is None:
            log.info("revision.reachable")
            return
        if error.message != known:  # the feed tells of it at each poll
            log.error("revision.unusable", code=error.code, error=error.message)

    def _look_again(self, *, branch_is_gone: bool) -> None:
        """Run a pass when the branch disappears or comes back: what the last pass showed no longer holds."""
        if branch_is_gone != self._branch_is_gone:
            self._branch_is_gone = branch_is_gone
            for worker, _ in self._workers.values():
                worker.nudge("the branch is gone" if branch_is_gone else "the branch is back")

    def _employ(self, workspace: Workspace, group: asyncio.TaskGroup) -> None:
        """Start workers for new organisations, wake all, and dismiss those of organisations that are gone."""
        names = {organization.name for organization in workspace.desired.organizations}
        self.board.expect(names)
        self.metrics.expect(names)
        self._leaving = {name: left for name, left in self._leaving.items() if not left[0].ended}
        self._listing.read(workspace.desired.organizations)
        for name in sorted(self._workers.keys() - names):
            self._leaving[name] = self._workers.pop(name)
            self._leaving[name][0].dismiss()
        for name in sorted(names):
            if name not in self._workers:
                self._workers[name] = self._worker(workspace.organization(name), group)
            self._workers[name][0].wake(workspace, f"revision {workspace.revision[:12]}")

    def _worker(self, organization: Organization, group: asyncio.TaskGroup) -> tuple[Worker, asyncio.Task[None]]:
        """The worker that was about to leave, or a new one: two never work on one organisation.

        After a rename, the new worker starts when the last pass under the old name has ended.
        """
        name = organization.name
        leaving = self._leaving.pop(name, None)
        if leaving is not None and leaving[0].employ_again():
            return leaving
        worker = Worker(
            name,
            self._services,
            drift_interval_s=self._services.settings.drift_interval,
            tell=Telling(self._report, self._fail, _CountingListener(self.metrics)),
            stopping=self._stop.is_set,
            allow_dirty=self._allow_dirty,
        )
        before = [task for other, task in self._leaving.values() if other.serves(organization)]
        return worker, group.create_task(worker.run(before), name=f"worker {name}")

    def _report(self, report: PassReport) -> None:
        if report.organization not in self._workers:
            return
        self.board.post(report)
        self.metrics.observe(report, manual=self._manual(report.organization))
        if isinstance(report.error, LeaseHeld) and report.organization in self._poll.moving:
            self.metrics.healthy(report.organization, Health.PROGRESSING)  # as the one with the lease says
        if self._pull_requests is not None:
            self._pull_requests.looked(report)

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
