"""Makes the service's access from the operator's settings, and refuses settings that would leave it half open."""

from __future__ import annotations

import secrets
import ssl
from typing import Final

import structlog

from controller.domain.addresses import is_loopback
from controller.domain.clock import Clock
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.reconcile.access_settings import AccessSettings
from controller.reconcile.credentials import operator_secret
from controller.service.access.access import Access, AccessParts
from controller.service.access.callers import Callers
from controller.service.access.forgery import Forgery
from controller.service.access.identifying import Identifying, OpenReading
from controller.service.access.login import CALLBACK, Login
from controller.service.access.logout import Logout
from controller.service.access.oidc import OpenIdProvider, ProviderSettings, is_protected
from controller.service.access.person import Membership
from controller.service.access.proxy import TrustedProxy
from controller.service.access.refusals import Ways
from controller.service.access.sessions import Sessions
from controller.service.access.token_login import TokenLogin
from controller.service.access.tokens import TokenFile
from controller.service.access.writes import WriteLog
from controller.store.store import Store

log = structlog.get_logger()

SECRET_VARIABLE: Final = "PENSTOCK_OIDC_CLIENT_SECRET"  # noqa: S105 - the name of a variable
KEY_VARIABLE = "PENSTOCK_SESSION_KEY"
_SHORTEST = 32


def open_access(settings: AccessSettings, store: Store, clock: Clock) -> Access:
    """The access that the settings describe. Raises SettingsInvalid for settings that contradict each other."""
    tls = settings.public_url is not None and settings.public_url.startswith("https:")
    key = session_key(settings)
    proxy = _proxy(settings)
    callers, writes = Callers(proxy, clock), WriteLog(store.audit)
    members = Membership(settings.oidc_readers, settings.oidc_operators)
    tokens = None if settings.tokens_file is None else TokenFile(settings.tokens_file, clock)
    sessions = Sessions(key, settings.session_ttl, clock, members, tokens, secure=tls)
    forgery = Forgery(settings.public_url, key)
    provider = _provider(settings)
    ways = Ways(provider=provider is not None, token=tokens is not None)
    routes = Logout(sessions, provider, ways).routes() if ways.any else []
    if provider is not None:
        routes += Login(provider, sessions, callers, writes, ways).routes()
    if tokens is not None:
        routes += TokenLogin(tokens, sessions, callers, forgery, writes, ways).routes()
    reading = _reading(settings)
    log.info(
        "access.opened",
        read="open" if reading.everywhere else "open on loopback" if reading.loopback else "closed",
        tokens=tokens is not None,
        proxy=settings.proxy_user_header is not None,
        login=provider is not None,
    )
    return Access(
        AccessParts(
            identifying=Identifying(tokens, proxy, sessions, callers, forgery, reading),
            proxy=proxy,
            sessions=sessions,
            callers=callers,
            forgery=forgery,
            writes=writes,
            ways=ways,
            routes=routes,
            together=store.together,
            tls=tls,
        )
    )


def _reading(settings: AccessSettings) -> OpenReading:
    loopback = is_loopback(settings.http_address.rpartition(":")[0])
    return OpenReading(
        everywhere=settings.read_access == "open",
        loopback=loopback and settings.read_access != "token",
        listens_on_loopback=loopback,
    )


def _proxy(settings: AccessSettings) -> TrustedProxy:
    if settings.proxy_groups_header is not None and settings.proxy_user_header is None:
        raise SettingsInvalid("PENSTOCK_PROXY_GROUPS_HEADER needs PENSTOCK_PROXY_USER_HEADER, too")
    members = Membership(settings.proxy_readers, settings.proxy_operators)
    if settings.proxy_user_header is not None:
        _require(settings, "PENSTOCK_PROXY_USER_HEADER")
        if not settings.proxy_addresses:
            raise SettingsInvalid(
                "PENSTOCK_PROXY_USER_HEADER needs the addresses of the proxy, or anyone could send the header",
                hint="set PENSTOCK_PROXY_ADDRESSES",
            )
        if not members.entries:
            raise SettingsInvalid(_nobody("PENSTOCK_PROXY"))
    return TrustedProxy(settings.proxy_addresses, settings.proxy_user_header, settings.proxy_groups_header, members)


def _provider(settings: AccessSettings) -> OpenIdProvider | None:
    secret = operator_secret(settings.oidc_client_secret_file, SECRET_VARIABLE, "the secret of the OpenID client")
    given = (settings.oidc_issuer, settings.oidc_client_id, secret)
    if not any(given):
        return None
    issuer, client_id, secret = given
    if issuer is None or client_id is None or secret is None:
        raise SettingsInvalid(
            "a login needs PENSTOCK_OIDC_ISSUER, PENSTOCK_OIDC_CLIENT_ID and PENSTOCK_OIDC_CLIENT_SECRET_FILE"
        )
    public_url = _require(settings, "PENSTOCK_OIDC_ISSUER")
    for name, url in (("PENSTOCK_OIDC_ISSUER", issuer), ("PENSTOCK_PUBLIC_URL", public_url)):
        if not is_protected(url):
            raise SettingsInvalid(f"{name} must begin with https://, because a login would send secrets in clear text")
    if not Membership(settings.oidc_readers, settings.oidc_operators).entries:
        raise SettingsInvalid(_nobody("PENSTOCK_OIDC"))
    known = ProviderSettings(
        issuer=issuer,
        client_id=client_id,
        client_secret=secret,
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
        groups_claim=settings.oidc_groups_claim,
        trusted=_trusted(settings),
    )
    return OpenIdProvider(known, f"{public_url}{CALLBACK}")


def _trusted(settings: AccessSettings) -> ssl.SSLContext | bool:
    if settings.oidc_ca_file is None:
        return True
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(settings.oidc_ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsInvalid(
            f"PENSTOCK_OIDC_CA_FILE: {settings.oidc_ca_file} has no certificates: {error.strerror or error}"
        ) from error
    return context


def _require(settings: AccessSettings, name: str) -> str:
    if settings.public_url is None:
        raise SettingsInvalid(
            f"{name} needs the address at which people reach the service", hint="set PENSTOCK_PUBLIC_URL"
        )
    return settings.public_url


def _nobody(prefix: str) -> str:
    return f"nobody would have a role: set {prefix}_READERS or {prefix}_OPERATORS"


def session_key(settings: AccessSettings) -> bytes:
    """The operator's key, masked from then on; without one a random key, which no other process knows.

    Raises SettingsInvalid for one that can be guessed, or a source that cannot be used.
    """
    key = operator_secret(settings.session_key_file, KEY_VARIABLE, "the key of sessions")
    if key is None:
        key = secrets.token_urlsafe(_SHORTEST)
        SECRETS.register(key)
    if len(key) < _SHORTEST:
        raise SettingsInvalid(
            f"the key of sessions has {len(key)} characters, which can be guessed",
            hint=f"use at least {_SHORTEST} random characters, for example of `openssl rand -hex 32`",
        )
    return key.encode()
