"""Tokens of a GitHub App: a JWT signed with the app's key, and with it a token of the app's installation.

The token of an installation is valid for an hour; it is kept until shortly before it ends, and fetched anew when GitHub
refuses it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from controller.domain.clock import Clock
from controller.domain.errors.forge import ForgeLoginFailed, ForgeRejected
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.forges.call import ForgeAnswer, ForgeCall
from controller.forges.transport import ForgeTransport
from controller.forges.wire import ForgeModel, one

_BEFORE_THE_END = timedelta(minutes=5)
_CLOCKS_APART = timedelta(seconds=60)
"""GitHub advises to date the JWT a minute back."""
_LIFETIME = timedelta(minutes=8)
"""GitHub accepts ten minutes at most."""


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """An app's identity, as the operator gave it."""

    app_id: str
    """The app's id or client id."""
    private_key: str = field(repr=False)
    """In PEM format."""
    installation_id: int | None = None
    """None for the installation that has the repository."""


class InstallationToken(ForgeModel):
    """A token as which the app's installation works for an hour."""

    token: str
    expires_at: datetime

    def ends_soon(self, now: datetime) -> bool:
        """Whether it has to be renewed."""
        return now >= self.expires_at - _BEFORE_THE_END


class _Installation(ForgeModel):
    id: int


class _App(ForgeModel):
    slug: str


class AppKey:
    """Signs the JWTs with which an app identifies itself. Implements `ForgeTokens`."""

    of_an_app = False

    def __init__(self, app: GitHubApp, clock: Clock) -> None:
        """Raises SettingsInvalid for an unusable key."""
        SECRETS.register(app.private_key)
        self._app = app
        self._clock = clock
        try:
            load_pem_private_key(app.private_key.encode(), password=None)
            self._signed()
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise SettingsInvalid(
                f"the key of the GitHub App {app.app_id} is no private RSA key in PEM format ({type(error).__name__})",
                hint="give the file that GitHub made for the app, unchanged",
            ) from None

    async def token(self) -> str:
        return self._signed()

    def refuse(self, token: str) -> bool:  # noqa: ARG002 - the port's
        return False

    async def login(self) -> str | None:
        return None

    def _signed(self) -> str:
        now = self._clock.now()
        claims = {"iat": now - _CLOCKS_APART, "exp": now + _LIFETIME, "iss": self._app.app_id}
        return jwt.encode(claims, self._app.private_key, algorithm="RS256")


class InstallationTokens:
    """The tokens of the app's installation that has a repository. Implements `ForgeTokens`."""

    of_an_app = True

    def __init__(self, app: GitHubApp, repository: str, transport: ForgeTransport, clock: Clock) -> None:
        """`transport` sends calls with the app's key."""
        self._app = app
        self._repository = repository
        self._transport = transport
        self._clock = clock
        self._installation = app.installation_id
        self._current: InstallationToken | None = None
        self._fetching = asyncio.Lock()

    async def token(self) -> str:
        async with self._fetching:
            if self._current is None or self._current.ends_soon(self._clock.now()):
                fetched = await self.fetched()
                SECRETS.register(fetched.token)
                self._forget()
                self._current = fetched
            return self._current.token

    def refuse(self, token: str) -> bool:
        if self._current is not None and self._current.token == token:
            self._forget()
        return True

    async def login(self) -> str | None:
        """`SLUG[bot]`, under which GitHub shows what an app writes."""
        call = ForgeCall("GET", "/app")
        return f"{one(call, await self._answer(call), _App).slug}[bot]"

    async def fetched(self) -> InstallationToken:
        """A new token. Raises ForgeLoginFailed, and what calls to the forge raise."""
        if self._installation is None:
            found = ForgeCall("GET", f"/repos/{self._repository}/installation")
            self._installation = one(found, await self._answer(found), _Installation).id
        call = ForgeCall(
            "POST",
            "/app/installations/{installation}/access_tokens",
            {"installation": self._installation},
            what=f"installation {self._installation} of the GitHub App {self._app.app_id}",
        )
        return one(call, await self._answer(call), InstallationToken)

    async def _answer(self, call: ForgeCall) -> ForgeAnswer:
        try:
            return await self._transport.follow(call, self._repository)
        except ForgeRejected as error:
            raise ForgeLoginFailed(
                f"the GitHub App {self._app.app_id} cannot log in: {error.message}",
                status=error.status,
                hint="check the app's id and key, and that it is installed in the repository",
            ) from error

    def _forget(self) -> None:
        if self._current is not None:
            SECRETS.forget(self._current.token)
            self._current = None
