"""The entrance: a forge from what the operator says. Nothing in a repository chooses where a token goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from controller.domain.addresses import is_allowed, is_loopback
from controller.domain.clock import Clock
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.process import SettingsInvalid
from controller.forges.calls import checked_repository
from controller.forges.gitea import GiteaForge
from controller.forges.github import GitHubForge
from controller.forges.github_app import AppKey, GitHubApp, InstallationToken, InstallationTokens
from controller.forges.gitlab import GitLabForge
from controller.forges.limits import ForgeLimits
from controller.forges.port import Forge, ForgeKind
from controller.forges.sender import ForgeSender
from controller.forges.tokens import ForgeTokens, StaticToken
from controller.forges.transport import ForgeTransport

PUBLIC_URLS = {ForgeKind.GITHUB: "https://api.github.com", ForgeKind.GITLAB: "https://gitlab.com/api/v4"}
"""The APIs of the public forges, which need no entry in the operator's list. Gitea has none."""
_PATHS = {ForgeKind.GITHUB: "/api/v3", ForgeKind.GITLAB: "/api/v4", ForgeKind.GITEA: "/api/v1"}
_TALKATIVE = ("httpx", "httpcore")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeConnection:
    """Which forge, which repository, and what it takes to get there; all of it from the operator."""

    kind: ForgeKind
    repository: str
    """`OWNER/NAME`."""
    credentials: str | GitHubApp = field(repr=False)
    """A token, or a GitHub App."""
    api_url: str | None = None
    """The forge's address, with or without its API's path; None for github.com and gitlab.com."""
    hosts: Collection[str] = ()
    """The self-hosted forges that the operator allows: `host`, `host:port` or `scheme://host[:port]`."""
    ca_file: Path | None = None
    """Certificates of authorities to trust in addition, in PEM format."""


def connect_forge(
    connection: ForgeConnection,
    *,
    clock: Clock,
    limits: ForgeLimits = ForgeLimits(),  # noqa: B008 - frozen
    http: httpx.AsyncBaseTransport | None = None,
) -> Forge:
    """A forge; nothing is sent before the first call. Close it with `aclose`.

    `http` replaces the network in tests. Raises SettingsInvalid and HostNotAllowed.
    """
    kind, repository = connection.kind, checked_repository(connection.repository, connection.kind)
    transport = _transports(connection, clock, limits, http)
    tokens: ForgeTokens
    if isinstance(connection.credentials, GitHubApp):
        if kind is not ForgeKind.GITHUB:
            raise SettingsInvalid(f"an app's key is of no use for {kind.value}", hint="give a token instead")
        app = connection.credentials
        tokens = InstallationTokens(app, repository, transport(AppKey(app, clock)), clock)
    else:
        tokens = StaticToken(_checked_token(connection.credentials))
    match kind:
        case ForgeKind.GITHUB:
            return GitHubForge(transport(tokens), repository)
        case ForgeKind.GITLAB:
            return GitLabForge(transport(tokens), repository)
        case ForgeKind.GITEA:
            return GiteaForge(transport(tokens), repository)


async def installation_token(
    connection: ForgeConnection,
    app: GitHubApp,
    *,
    clock: Clock,
    limits: ForgeLimits = ForgeLimits(),  # noqa: B008 - frozen
) -> InstallationToken:
    """A new token of the app's installation that has the repository, for others than our own calls, such as git.

    Raises SettingsInvalid and HostNotAllowed, and what calls to the forge raise.
    """
    repository = checked_repository(connection.repository, connection.kind)
    transport = _transports(connection, clock, limits, None)(AppKey(app, clock))
    try:
        return await InstallationTokens(app, repository, transport, clock).fetched()
    finally:
        await transport.aclose()


def _transports(
    connection: ForgeConnection, clock: Clock, limits: ForgeLimits, http: httpx.AsyncBaseTransport | None
) -> Callable[[ForgeTokens], ForgeTransport]:
    """Makes transports with the tokens that they are given. They share connections."""
    _quieten_libraries()
    base_url = checked_api_url(connection.kind, connection.api_url, connection.hosts)
    sender = ForgeSender(clock, limits, ca_file=connection.ca_file, http=http)
    return lambda tokens: ForgeTransport(connection.kind, base_url, sender, tokens, clock=clock, limits=limits)


def checked_api_url(kind: ForgeKind, url: str | None, hosts: Collection[str]) -> str:
    """The API's URL without a slash at its end. `https://git.example.com` gets the path of the forge's API.

    Raises SettingsInvalid for an unusable URL, and HostNotAllowed for a host that the operator does not list.
    """
    if not url:
        if kind not in PUBLIC_URLS:
            raise SettingsInvalid(f"{kind.value} has no usual address", hint="set PENSTOCK_FORGE_URL")
        return PUBLIC_URLS[kind]
    base = _with_path(kind, url)
    if base in PUBLIC_URLS.values() or is_allowed(base, hosts):
        return base
    host = urlsplit(base).hostname
    raise HostNotAllowed(
        f"the forge is on {host}, which is not allowed", hint="name it in PENSTOCK_FORGE_URL or with --api-url"
    )


def _with_path(kind: ForgeKind, url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise SettingsInvalid("the forge's URL cannot be read") from error
    if parts.username is not None or parts.query or parts.fragment:
        raise SettingsInvalid("the forge's URL holds more than scheme, host and path", hint="give the token apart")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise SettingsInvalid(
            "the forge's URL is not an https URL, so the token could be read on the way", hint="use https"
        )
    if kind is ForgeKind.GITHUB and host in ("github.com", "www.github.com"):
        return PUBLIC_URLS[kind]
    path = parts.path.rstrip("/")
    if not path.endswith(_PATHS[kind]) and not (kind is ForgeKind.GITHUB and host.startswith("api.")):
        path += _PATHS[kind]
    shown = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if port in (None, usual) else f":{port}") + path


def _checked_token(token: str) -> str:
    value = token.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsInvalid(
            "the forge's token is empty, or holds what no token holds", hint="set PENSTOCK_FORGE_TOKEN"
        )
    return value


def _quieten_libraries() -> None:
    """Let only the libraries' warnings through: their other messages hold whole URLs."""
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
