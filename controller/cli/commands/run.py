"""`penstock run`: the controller."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from controller.domain.clock import Clock
    from controller.reconcile import Settings
    from controller.service import Feed


def run(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Watch this local folder instead of PENSTOCK_REPOSITORY_URL; for development."),
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="With a folder: deliver uncommitted changes.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Keep the manifests of the demonstration, which come with Penstock.")
    ] = False,
) -> None:
    """Keep organisations at what git asks for, until SIGTERM or Ctrl-C."""
    import asyncio

    from controller.cli.running import opened_services, stop_on_signals
    from controller.reconcile import load_settings
    from controller.service import Controller, raise_limit_of_files

    settings = load_settings(service=True)
    raise_limit_of_files()
    with opened_services(settings) as services:
        feed = _feed(folder, settings, services.clock, demo=demo)

        async def work() -> None:
            await Controller(services, feed, stop_on_signals(), allow_dirty=allow_dirty).run()

        asyncio.run(work())


def _feed(folder: Path | None, settings: Settings, clock: Clock, *, demo: bool) -> Feed:
    """What desired states come from. Raises SettingsInvalid unless exactly one place is named."""
    import platformdirs

    from controller.cli.material import copy_material
    from controller.domain.errors import SettingsInvalid
    from controller.repository import GitCredentials, Repository
    from controller.service import FolderFeed, GitFeed

    work = settings.work_dir or platformdirs.user_cache_path("penstock")
    if demo:
        if folder is not None or settings.repository_url is not None:
            named = "PENSTOCK_REPOSITORY_URL" if folder is None else f"the folder {folder}"
            raise SettingsInvalid(f"--demo and {named} name two desired states", hint="leave out one of the two")
        copy_material(work / "default")
        return FolderFeed(work / "default", settings, clock, loopback=True)
    if folder is not None:
        return FolderFeed(folder, settings, clock)
    if settings.repository_url is None:
        raise SettingsInvalid(
            "there is no repository to follow",
            hint="set PENSTOCK_REPOSITORY_URL, or name a folder; --demo keeps the manifests of the demonstration",
        )
    credentials = GitCredentials(
        token=settings.git_token, ssh_key=settings.git_ssh_key, known_hosts=settings.git_known_hosts
    )
    url = settings.repository_url

    def open_repository() -> Repository:
        return Repository.clone(
            url,
            work / "repository.git",
            branch=settings.branch,
            credentials=credentials,
            pass_on=settings.git_environment,
        )

    return GitFeed(open_repository, settings, clock)
