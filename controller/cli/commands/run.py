"""`penstock run`: the controller."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from controller.cli.demo_files import copy_demo_files
from controller.cli.running import opened_services, stop_on_signals
from controller.domain.clock import Clock
from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.configuration.document import read_configuration
from controller.reconcile.configuration.repositories import repository_settings
from controller.reconcile.delivering import open_delivery
from controller.reconcile.git_access import git_credentials
from controller.reconcile.receivers import configured_notifications
from controller.reconcile.settings import Settings, load_settings
from controller.repository.repository import Repository
from controller.service.connections import raise_limit_of_files
from controller.service.controller import Controller
from controller.service.described import ONLY
from controller.service.feeds import FolderFeed, GitFeed
from controller.service.followed_repository import RepositorySource


def run(
    folder: Annotated[
        Path | None, typer.Argument(help="Watch this local folder instead of the configured repositories.")
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="With a folder: deliver uncommitted changes.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Keep the manifests of the demonstration, which come with Penstock.")
    ] = False,
) -> None:
    """Run until SIGTERM or Ctrl-C. Raises SettingsInvalid unless exactly one desired state is named."""
    settings = load_settings(service=True)
    raise_limit_of_files()
    with opened_services(settings, open_delivery) as services:
        services.notifications = configured_notifications(settings, services.clock)
        sources = _sources(folder, settings, services.clock, demo=demo)

        async def work() -> None:
            await Controller(services, sources, stop_on_signals(), allow_dirty=allow_dirty).run()

        asyncio.run(work())


def _sources(folder: Path | None, settings: Settings, clock: Clock, *, demo: bool) -> list[RepositorySource]:
    work = settings.work_dir or platformdirs.user_cache_path("penstock")
    if demo:
        _refuse_beside_demo(folder, settings)
        copy_demo_files(work / "default")
        return [RepositorySource(ONLY, settings, FolderFeed(work / "default", settings, clock, loopback=True))]
    if folder is not None:
        return [RepositorySource(ONLY, settings, FolderFeed(folder, settings, clock))]
    return git_sources(settings, clock, work)


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


def _refuse_beside_demo(folder: Path | None, settings: Settings) -> None:
    """Raise SettingsInvalid where something else is to be followed as well."""
    others = {
        f"the folder {folder}": folder is not None,
        "PENSTOCK_REPOSITORY_URL": settings.repository_url is not None,
        "PENSTOCK_CONFIG": bool(read_configuration(settings.config).repositories),
    }
    for name, named in others.items():
        if named:
            raise SettingsInvalid(f"--demo and {name} name two desired states", hint="leave out one of the two")
