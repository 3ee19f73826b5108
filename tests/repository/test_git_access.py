"""Git logs in with what the operator's settings name: a file that is read at each use, or a GitHub App."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.domain.clock import SystemClock
from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import GitRemoteFailed
from controller.domain.redaction import SECRETS
from controller.forges.port import ForgeKind
from controller.reconcile.git_access import git_credentials
from controller.reconcile.settings import Settings
from controller.repository.repository import Repository
from tests.repository.servers import http_remote
from tests.repository.site import Site
from tests.support.forges.server import served
from tests.support.forges.worlds import NAME, ForgeWorld, forge_world


class ShiftedClock(SystemClock):
    """The system's, some time later."""

    later = timedelta()

    def now(self) -> datetime:
        return super().now() + self.later


@pytest.fixture
def github() -> Iterator[tuple[ForgeWorld, Any, str]]:
    """GitHub, an app that is installed there, and its address."""
    world = forge_world(ForgeKind.GITHUB)
    world.clock = clock = ShiftedClock()
    world.server.wall = lambda: clock.now().timestamp()
    app = world.server.apps.register("git")
    world.server.apps.install(app, [world.repository], {"contents": "write"})
    with served(world.server) as url:
        yield world, app, url


def settings(folder: Path, app: Any, url: str, repository_url: str = f"http://127.0.0.1:9/{NAME}.git") -> Settings:
    key = folder / "app.pem"
    key.write_text(app.private_key)
    return Settings(repository_url=repository_url, forge_url=url, git_app_id=str(app.id), git_app_key_file=key)


def tokens_made(world: ForgeWorld) -> int:
    return world.server.count("POST", "/access_tokens")


def test_a_github_app_clones_and_its_token_is_renewed_before_it_ends(
    site: Site, github: tuple[ForgeWorld, Any, str]
) -> None:
    world, app, url = github
    site.remote()
    (site.root / "acme").mkdir()
    (site.root / "origin.git").rename(site.root / f"{NAME}.git")
    credentials = git_credentials(settings(site.root, app, url), world.clock)
    assert credentials.token is not None
    token = credentials.token()
    with http_remote(site.root, login=("x-access-token", token)) as server:
        remote = f"{server.url}/{NAME}.git"
        repository = Repository.clone(remote, site.root / "work", branch="main", credentials=credentials)
        assert repository.fetch("main") is not None
        assert (tokens_made(world), set(server.logins)) == (1, {f"x-access-token:{token}"})
    assert token not in SECRETS.text(f"the token {token}")

    world.clock.later = timedelta(minutes=54)
    assert credentials.token() == token
    world.clock.later = timedelta(minutes=56)
    assert credentials.token() != token
    assert tokens_made(world) == 2


def test_a_token_of_an_app_is_in_no_argument_and_in_no_file(
    site: Site, github: tuple[ForgeWorld, Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, app, url = github
    site.remote()
    trace = site.root / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))
    credentials = git_credentials(settings(site.root, app, url), world.clock)
    assert credentials.token is not None
    token = credentials.token()
    with http_remote(site.root, login=("x-access-token", token)) as server:
        Repository.clone(f"{server.url}/origin.git", site.root / "work", branch="main", credentials=credentials)
    arguments = [line for line in trace.read_text().splitlines() if '"argv"' in line]
    assert any("remote-http" in line for line in arguments)
    assert not any(token in line for line in arguments)
    files = [path for path in (site.root / "work").rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in files)


def test_a_token_that_the_remote_refuses_is_not_used_again(site: Site, github: tuple[ForgeWorld, Any, str]) -> None:
    world, app, url = github
    site.remote()
    credentials = git_credentials(settings(site.root, app, url), world.clock)
    with http_remote(site.root, login=("x-access-token", "another one")) as server:
        for _ in range(2):
            with pytest.raises(GitRemoteFailed, match="Authentication failed"):
                Repository.clone(f"{server.url}/origin.git", site.root / "work", credentials=credentials)
    assert len(set(server.logins)) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"repository_url": "git@github.com:acme/flows.git"}, "a GitHub App cannot log in at git@github.com"),
        ({"git_app_key_file": None}, "PENSTOCK_GIT_APP_ID is set without the app's key"),
    ],
)
def test_settings_that_do_not_go_together_are_told(wrong: dict[str, object], message: str) -> None:
    given = {"repository_url": "https://github.com/acme/flows.git", "git_app_id": "1", "git_app_key_file": "/k"}
    with pytest.raises(SettingsInvalid, match=message):
        git_credentials(Settings(**{**given, **wrong}), SystemClock())


def test_a_token_in_a_file_is_read_at_each_use(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("the-first-token\n")
    found = git_credentials(Settings(git_token_file=file, git_username="oauth2"), SystemClock())
    assert found.token is not None
    assert (found.token(), found.username) == ("the-first-token", "oauth2")
    file.write_text("the-second-token\n")
    assert found.token() == "the-second-token"
    assert "the-second-token" not in SECRETS.text("the-second-token")
