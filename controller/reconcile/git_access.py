"""How git logs in at the remote, by the operator's settings. Files are read at each use: they may be renewed."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from urllib.parse import urlsplit

from controller.domain.clock import Clock
from controller.domain.desired import SecretSource
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.forges.connect import ForgeConnection, installation_token
from controller.forges.github_app import GitHubApp, InstallationToken
from controller.forges.port import ForgeKind
from controller.reconcile.credentials import operator_secret, read_secret
from controller.reconcile.forge import operators_hosts
from controller.reconcile.settings import Settings
from controller.repository.credentials import GitCredentials
from controller.repository.names import repository_path

_WHAT = "the token for git"


def git_credentials(settings: Settings, clock: Clock) -> GitCredentials:
    """The credentials for the repository of these settings. Raises SettingsInvalid when there is no such secret."""
    with_key = GitCredentials(ssh_key=settings.git_ssh_key, known_hosts=settings.git_known_hosts)
    if settings.git_app_id is not None:
        tokens = GitHubAppLogin(settings, clock)
        return replace(with_key, token=tokens.token, refused=tokens.forget)
    if operator_secret(settings.git_token_file, settings.git_token_variable, _WHAT) is None:
        return with_key
    return replace(with_key, token=lambda: _token(settings), username=settings.git_username)


def _token(settings: Settings) -> str:
    found = operator_secret(settings.git_token_file, settings.git_token_variable, _WHAT)
    if found is None:
        raise SettingsInvalid(f"{_WHAT}: the environment variable {settings.git_token_variable} is not set")
    return found


class GitHubAppLogin:
    """The tokens of a GitHub App's installation, for git. Each is kept until shortly before it ends."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises SettingsInvalid for settings that do not go together."""
        url = settings.repository_url or ""
        if urlsplit(url).scheme not in ("https", "http"):
            raise SettingsInvalid(
                f"a GitHub App cannot log in at {url}", hint="use the https address of the repository"
            )
        if settings.git_app_key_file is None:
            raise SettingsInvalid(
                "PENSTOCK_GIT_APP_ID is set without the app's key", hint="set PENSTOCK_GIT_APP_KEY_FILE"
            )
        self._settings = settings
        self._key_file = settings.git_app_key_file
        self._clock = clock
        self._current: InstallationToken | None = None
        self._fetching = threading.Lock()

    def token(self) -> str:
        """The token of the moment. Blocks while GitHub is asked for a new one, which must not be in an event loop.

        Raises SettingsInvalid, and what calls to the forge raise.
        """
        with self._fetching:
            if self._current is None or self._current.ends_soon(self._clock.now()):
                self._forget()
                self._current = asyncio.run(self._fetched())
                SECRETS.register(self._current.token)
            return self._current.token

    def forget(self) -> None:
        """Ask for a new token at the next use."""
        with self._fetching:
            self._forget()

    def _forget(self) -> None:
        if self._current is not None:
            SECRETS.forget(self._current.token)
        self._current = None

    async def _fetched(self) -> InstallationToken:
        settings = self._settings
        key = read_secret(SecretSource(file=self._key_file), "the key of the GitHub App")
        SECRETS.register(key)
        app = GitHubApp(settings.git_app_id or "", key, settings.git_app_installation)
        parts = urlsplit(settings.repository_url or "")
        url = settings.forge_url or f"{parts.scheme}://{parts.netloc}"
        connection = ForgeConnection(
            kind=ForgeKind.GITHUB,
            repository=repository_path(settings.repository_url or ""),
            credentials=app,
            api_url=url,
            hosts=operators_hosts(url),
            ca_file=settings.forge_ca_file,
        )
        return await installation_token(connection, app, clock=self._clock)
