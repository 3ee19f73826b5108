"""One repository that the controller follows: its feed, its manifests, its pull requests, its webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

import structlog
from structlog.contextvars import bind_contextvars

from controller.domain.desired import SyncMode
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid, StoreFailed
from controller.domain.errors.repository import BranchGone
from controller.forges.port import Forge
from controller.reconcile.announcing import incoming_webhook_secret
from controller.reconcile.forge import forge_of
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace
from controller.service.belonging import Claim, not_allowed
from controller.service.board import SLOW_S, RepositoryEntry
from controller.service.described import Described, described_in
from controller.service.feeds import Feed
from controller.service.incoming import HookedRepository
from controller.service.merged import MergedPullRequests, Workers
from controller.service.pull_requests import PullRequests
from controller.store.live_marks import LiveChanges

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RepositorySource:
    """Where the desired states of one repository come from, and its settings."""

    name: str
    """Its name in logs, metrics and on the pages."""
    settings: Settings
    feed: Feed
    required: bool = True
    """Whether mistakes in its settings end the start of the controller. Where there may be others, they are faults."""


class FollowedRepository:
    """Reads the repository as long as the controller runs, and plans its pull requests. No error of its ends others."""

    def __init__(
        self, source: RepositorySource, services: Services, entry: RepositoryEntry, nudge: Callable[[str, str], None]
    ) -> None:
        """`services` are those of this repository, and `entry` is where it is shown.

        `nudge` is called with an organisation and why to look at it now. Raises SettingsInvalid for a required one.
        """
        self.name = source.name
        self.services = services
        self.workspace: Workspace | None = None
        """The manifests that were read last; None before the first."""
        self.pull_requests: PullRequests | None = None
        """None without a forge, and until its settings can be used."""
        self.entry = entry
        self._required = source.required
        self._feed = source.feed
        self._nudge = nudge
        self._own: frozenset[str] = frozenset()
        self._refused: Mapping[str, str] = {}
        self._branch_is_gone = False
        self._known_fault: PenstockError | None = None
        self._forge: Forge | None = None
        if self._required:
            self._open_forge()

    @property
    def described(self) -> list[Described]:
        """The organisations of the manifests that were read last."""
        return described_in(self.workspace, self.services, self.name)

    def claim(self, *, undecided: bool) -> Claim:
        """What it describes, and may describe."""
        return Claim(
            self.name, self.services.settings.organizations, self.described, undecided, read=self.workspace is not None
        )

    def keep(self, own: Collection[str], refused: Mapping[str, str]) -> None:
        """Note which of the organisations that it describes belong to it, and why others do not."""
        for reason in sorted(set(refused.values()) - set(self.entry.refused)):
            log.error("organization.refused", error=reason)
        self._own = frozenset(own)
        self._refused = refused
        self.entry.refused = tuple(refused.values())

    def refusal(self, organization: str) -> str | None:
        """Why this organisation is not planned for its pull requests; None where it is."""
        claim = self.claim(undecided=False)
        return self._refused.get(organization) if claim.may_have(organization) else not_allowed(organization, claim)

    def has(self, organization: str) -> bool:
        """Whether this organisation belongs to it."""
        return organization in self._own

    def manual(self, organization: str) -> bool:
        """Whether only people let this organisation's plans be delivered."""
        found = (each.organization for each in self.described if self.has(organization))
        return any(each.name == organization and each.sync.mode is SyncMode.MANUAL for each in found)

    def tasks(self, told: Callable[[], None]) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What runs as long as the controller, by name.

        `told` is called after new manifests were read, and when they are waited for no longer.
        """
        found: dict[str, Callable[[], Awaitable[None]]] = {"feed": lambda: self._follow(told)}
        if not self._required:
            found["first reading"] = lambda: self._wait(told)
        if self.services.settings.forge is not None:
            found["pull requests"] = self._plan
        return found

    def hook(self) -> HookedRepository | None:
        """What webhooks of its forge wake; None without a secret or without a remote.

        Raises SettingsInvalid for a required one with a secret that cannot be used.
        """
        settings = self.services.settings
        try:
            secret = incoming_webhook_secret(settings)
        except SettingsInvalid as error:
            if self._required:
                raise
            _log_once("webhook.unusable", error)
            return None
        if secret is None or settings.repository_url is None:
            return None
        # Where the operator names the forge's repository, git may be read from a mirror of it.
        url = settings.forge_repository or settings.repository_url
        return HookedRepository(secret, url, self._pushed, self._changed)

    def _pushed(self, branch: str) -> bool:
        """The forge told of a push: read at once, here and in the other replicas."""
        followed, url = self._feed.pushed(branch), self.services.settings.repository_url
        if followed and url is not None and self.services.store.database.is_server:
            try:
                self.services.store.marks.pushed(url)
            except StoreFailed as error:  # the others poll
                log.warning("push.not-told", error=error.message)
        return followed

    def heard(self, changes: LiveChanges) -> None:
        """Read at once where a replica heard of a push; look at the pull requests, too."""
        url, repository = self.services.settings.repository_url, self._feed.repository
        if url is not None and changes.pushed(url):
            self._feed.pushed("" if repository is None else repository.followed)
            if self.pull_requests is not None:
                self.pull_requests.pushed()

    def told(self, organization: str) -> None:
        """Take note of a pass of another replica."""
        if self.pull_requests is not None and self.has(organization):
            self.pull_requests.told(organization)

    def looked(self, report: PassReport) -> None:
        """Take note of a pass over one of its organisations."""
        if self.pull_requests is not None:
            self.pull_requests.looked(report)

    async def aclose(self) -> None:
        """Close the connection to the forge."""
        if self._forge is not None:
            await self._forge.aclose()

    async def _wait(self, told: Callable[[], None]) -> None:
        await self.services.clock.sleep(SLOW_S)
        if self.workspace is None:
            told()

    async def _follow(self, told: Callable[[], None]) -> None:
        bind_contextvars(repository=self.name)

        def fault(error: PenstockError | None) -> None:
            self._fault(error)
            if self.workspace is None:
                told()

        while True:
            try:
                async for workspace in self._feed.workspaces(fault):
                    self._read(workspace)
                    told()
            except SettingsInvalid as error:
                if self._required:
                    raise
                fault(error)
            await self.services.clock.sleep(self.services.settings.poll_interval)

    def _read(self, workspace: Workspace) -> None:
        self.entry.fault = self._known_fault = None
        self._branch_is_gone = False
        self.entry.revision = workspace.revision
        self.workspace = workspace
        if self.pull_requests is not None:
            self.pull_requests.pushed()
        log.info("revision.read", revision=workspace.revision)

    async def _plan(self) -> None:
        bind_contextvars(repository=self.name)
        known: PenstockError | None = None
        while self.pull_requests is None:
            try:
                self._open_forge()
            except PenstockError as error:
                _log_once("forge.unusable", error, known)
                known = error
                await self.services.clock.sleep(self.services.settings.poll_interval)
        await self.pull_requests.run()

    def _open_forge(self) -> None:
        self._forge = forge_of(self.services.settings, self.services.clock)
        if self._forge is None:
            return
        workers = Workers(manual=self.manual, is_ancestor=self._is_ancestor, again=self._nudge)
        merged = MergedPullRequests(self.services, self._forge, workers)
        self.pull_requests = PullRequests(
            self.services, self._forge, lambda: self._feed.repository, merged, self.refusal
        )

    def _changed(self, number: int) -> bool:
        return self.pull_requests is not None and self.pull_requests.changed(number)

    def _is_ancestor(self, older: str, newer: str) -> bool:
        repository = self._feed.repository
        return repository is not None and repository.is_ancestor(older, newer)

    def _fault(self, error: PenstockError | None) -> None:
        known, self._known_fault = self._known_fault, error
        self.entry.fault = None if error is None else error.message
        self._look_again(branch_is_gone=isinstance(error, BranchGone))
        if error is None:
            log.info("revision.reachable")
            return
        _log_once("revision.unusable", error, known)

    def _look_again(self, *, branch_is_gone: bool) -> None:
        """Run a pass when the branch disappears or comes back: what the last pass showed no longer holds."""
        if branch_is_gone != self._branch_is_gone:
            self._branch_is_gone = branch_is_gone
            for name in sorted(self._own):
                self._nudge(name, "the branch is gone" if branch_is_gone else "the branch is back")


def _log_once(event: str, error: PenstockError, known: PenstockError | None = None) -> None:
    """Log a fault unless it is the one that is known: it is told of at each poll."""
    if known is None or error.message != known.message:
        advice = {} if error.hint is None else {"hint": error.hint}
        log.error(event, code=error.code, error=error.message, **advice)
