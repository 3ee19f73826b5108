"""One repository that the controller follows: its feed, its manifests, its pull requests, its webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from starlette.routing import Route

from controller.domain.desired import SyncMode
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.repository import BranchGone
from controller.forges.port import Forge
from controller.reconcile.announcing import incoming_webhook_secret
from controller.reconcile.forge import forge_of
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.service.board import Board
from controller.service.described import Described, described_in
from controller.service.feeds import Feed
from controller.service.incoming import IncomingWebhooks, Listeners
from controller.service.merged import MergedPullRequests, Workers
from controller.service.metrics import Metrics
from controller.service.pull_requests import PullRequests

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RepositorySource:
    """Where the desired states of one repository come from, and what the passes over its organisations work with."""

    services: Services
    feed: Feed


class FollowedRepository:
    """Reads the repository as long as the controller runs, and plans its pull requests."""

    def __init__(
        self, source: RepositorySource, board: Board, metrics: Metrics, nudge: Callable[[str, str], None]
    ) -> None:
        """`nudge` is called with an organisation and why to look at it now. Raises SettingsInvalid."""
        self.services = source.services
        self.workspace: Workspace | None = None
        """The manifests that were read last; None before the first."""
        self._feed = source.feed
        self._board = board
        self._metrics = metrics
        self._nudge = nudge
        self._branch_is_gone = False
        self._forge = forge_of(self.services.settings, self.services.clock)
        self.pull_requests = None if self._forge is None else self._planner(self._forge)
        """None without a forge."""

    @property
    def described(self) -> list[Described]:
        """The organisations of the manifests that were read last."""
        return described_in(self.workspace, self.services)

    def describes(self, organization: str) -> bool:
        """Whether the manifests that were read last describe this organisation."""
        return any(each.organization.name == organization for each in self.described)

    def manual(self, organization: str) -> bool:
        """Whether only people let this organisation's plans be delivered."""
        return any(
            each.organization.name == organization and each.organization.sync.mode is SyncMode.MANUAL
            for each in self.described
        )

    def tasks(self, read: Callable[[], None]) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What runs as long as the controller, by name; `read` is called after new manifests were read."""
        planning = {} if self.pull_requests is None else {"pull requests": self.pull_requests.run}
        return {"feed": lambda: self._follow(read), **planning}

    def webhooks(self) -> list[Route]:
        """The endpoints of forges' webhooks; none without a secret or without a remote. Raises SettingsInvalid."""
        settings = self.services.settings
        secret = incoming_webhook_secret(settings)
        if secret is None or settings.repository_url is None:
            return []
        planner = self.pull_requests
        listeners = Listeners(self._feed.pushed, (lambda _: False) if planner is None else planner.changed)
        # Where the operator names the forge's repository, git may be read from a mirror of it.
        url = settings.forge_repository or settings.repository_url
        self._metrics.take_webhooks()
        return IncomingWebhooks(secret, url, listeners, self.services.clock, self._metrics.webhook).routes()

    async def _follow(self, read: Callable[[], None]) -> None:
        async for workspace in self._feed.workspaces(self._fault):
            self._board.fault = None
            self._metrics.unreadable(fault=False)
            self._branch_is_gone = False
            self._board.revision = workspace.revision
            self.workspace = workspace
            if self.pull_requests is not None:
                self.pull_requests.pushed()
            log.info("revision.read", revision=workspace.revision)
            read()

    def looked(self, report: PassReport) -> None:
        """Take note of a pass over one of its organisations."""
        if self.pull_requests is not None:
            self.pull_requests.looked(report)

    async def aclose(self) -> None:
        """Close the connection to the forge."""
        if self._forge is not None:
            await self._forge.aclose()

    def _planner(self, forge: Forge) -> PullRequests:
        workers = Workers(manual=self.manual, is_ancestor=self._is_ancestor, again=self._nudge)
        merged = MergedPullRequests(self.services, forge, workers)
        return PullRequests(self.services, forge, lambda: self._feed.repository, merged)

    def _is_ancestor(self, older: str, newer: str) -> bool:
        repository = self._feed.repository
        return repository is not None and repository.is_ancestor(older, newer)

    def _fault(self, error: PenstockError | None) -> None:
        known, self._board.fault = self._board.fault, None if error is None else error.message
        self._metrics.unreadable(fault=error is not None)
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
            for each in self.described:
                reason = "the branch is gone" if branch_is_gone else "the branch is back"
                self._nudge(each.organization.name, reason)
