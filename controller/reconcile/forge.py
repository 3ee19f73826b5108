"""The forge that the operator's settings name. Nothing in a repository chooses where a token goes."""

from __future__ import annotations

from urllib.parse import urlsplit

from controller.domain.clock import Clock
from controller.domain.desired import SecretSource
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.github_app import GitHubApp
from controller.forges.port import Forge, ForgeKind
from controller.reconcile.credentials import operator_secret, read_secret
from controller.reconcile.settings import Settings
from controller.repository.names import repository_path

TOKEN_VARIABLE = "PENSTOCK_FORGE_TOKEN"  # noqa: S105 - the name of the variable, not the token


def forge_of(settings: Settings, clock: Clock) -> Forge | None:
    """The forge that the service works with; None where `PENSTOCK_FORGE` is not set. Nothing is sent yet.

    The repository is the path of `PENSTOCK_REPOSITORY_URL` unless `PENSTOCK_FORGE_REPOSITORY` names it. Raises
    SettingsInvalid.
    """
    if settings.forge is None:
        return None
    if settings.repository_url is None:
        raise SettingsInvalid("PENSTOCK_FORGE needs a repository to follow", hint="set PENSTOCK_REPOSITORY_URL")
    credentials = forge_credentials(settings)
    if credentials is None:
        raise SettingsInvalid(
            f"there is no token for {settings.forge.value}",
            hint=f"set {TOKEN_VARIABLE} or PENSTOCK_FORGE_TOKEN_FILE, or for a GitHub App PENSTOCK_FORGE_APP_ID and "
            "PENSTOCK_FORGE_APP_KEY_FILE",
        )
    return connect_forge(
        ForgeConnection(
            kind=settings.forge,
            repository=settings.forge_repository or repository_path(settings.repository_url),
            credentials=credentials,
            api_url=settings.forge_url,
            hosts=operators_hosts(settings.forge_url),
            ca_file=settings.forge_ca_file,
        ),
        clock=clock,
    )


def operators_hosts(*urls: str | None) -> frozenset[str]:
    """The hosts of the addresses that an operator gave, which therefore get the token."""
    return frozenset(urlsplit(url).netloc.lower() for url in urls if url)


def forge_credentials(settings: Settings) -> str | GitHubApp | None:
    """The operator's token or app, masked from then on; None when neither is set. Raises SettingsInvalid."""
    if settings.forge_app_id is not None:
        return _app(settings.forge_app_id, settings)
    return operator_secret(settings.forge_token_file, settings.forge_token_variable, "the forge's token")


def _app(app_id: str, settings: Settings) -> GitHubApp:
    if settings.forge_app_key_file is None:
        raise SettingsInvalid(
            "PENSTOCK_FORGE_APP_ID is set without the app's key", hint="set PENSTOCK_FORGE_APP_KEY_FILE"
        )
    if settings.forge not in (None, ForgeKind.GITHUB):
        raise SettingsInvalid("only GitHub has apps", hint=f"set {TOKEN_VARIABLE} instead of PENSTOCK_FORGE_APP_ID")
    key = read_secret(SecretSource(file=settings.forge_app_key_file), "the key of the GitHub App")
    SECRETS.register(key)
    return GitHubApp(app_id, key, settings.forge_app_installation)
