"""What the controller follows: the repositories of the configuration file, else the one that variables describe."""

from __future__ import annotations

from pathlib import Path

from controller.domain.clock import Clock
from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.configuration.document import read_configuration
from controller.reconcile.configuration.repositories import repository_settings
from controller.reconcile.git_access import git_credentials
from controller.reconcile.settings import Settings
from controller.repository.repository import Repository
from controller.service.described import ONLY
from controller.service.feeds import GitFeed
from controller.service.followed_repository import RepositorySource


def git_sources(settings: Settings, clock: Clock, work: Path) -> list[RepositorySource]:
    """The git repositories to follow, with their clones below `work`. Nothing is read yet.

    Raises SettingsInvalid for mistakes in the configuration, and where there is no repository.
    """
    configured = repository_settings(settings, read_configuration(settings.config))
    if configured:
        folder = work / "repositories"
        return [
            RepositorySource(name, each, _feed(each, folder / f"{name}.git", clock), required=False)
            for name, each in configured.items()
        ]
    if settings.repository_url is None:
        raise SettingsInvalid(
            "there is no repository to follow",
            hint="set PENSTOCK_REPOSITORY_URL or PENSTOCK_CONFIG, or name a folder; --demo keeps the manifests of the "
            "demonstration",
        )
    return [RepositorySource(ONLY, settings, _feed(settings, work / "repository.git", clock))]


def _feed(settings: Settings, clone: Path, clock: Clock) -> GitFeed:
    def open_repository() -> Repository:
        return Repository.clone(
            settings.repository_url or "",
            clone,
            branch=settings.branch,
            credentials=git_credentials(settings, clock),
            pass_on=settings.git_environment,
        )

    return GitFeed(open_repository, settings, clock)
