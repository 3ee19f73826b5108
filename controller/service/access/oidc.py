"""Login with an OpenID provider: discovery, authorization code flow with PKCE, state and nonce.

Authlib speaks the protocol. Added here are the checks that it leaves to its caller: that the discovered issuer is the
configured one, that its addresses use TLS, that the token is for this client, and which signatures count.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from controller.domain.addresses import is_loopback
from controller.domain.errors.api import LoginFailed, LoginUnavailable
from controller.service.access.proxy import LONGEST_NAME

_SIGNATURES: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures by the provider's own key. `none` and those with a shared secret never count."""
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_TIMEOUT_S: Final = 10.0
_LEEWAY_S: Final = 60
"""How far the provider's clock may be off."""
_CODE: Final = re.compile("[a-z_]{1,40}")
_UNREACHED: Final = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
_UNPROVEN: Final = (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, RuntimeError)
"""What Authlib and joserfc raise for an answer that is refused, or is none of the protocol."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One OpenID provider, and this service as its client."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    name_claim: str
    groups_claim: str
    trusted: ssl.SSLContext | bool
    """Whom the provider's certificate may come from; True: the system's authorities."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who has logged in, as the provider says."""

    name: str
    subject: str
    """Issuer and subject."""
    groups: tuple[str, ...]


class OpenIdProvider:
    """The provider. Every method may raise LoginUnavailable, where it does not answer, or LoginFailed."""

    def __init__(self, settings: ProviderSettings, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._client = OAuth().register(
            "penstock",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.scopes,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT_S,
                "verify": settings.trusted,
            },
        )

    async def begin(self, request: Request) -> Response:
        """The redirect to the provider; state, nonce and verifier are kept in the session's cookie."""
        await self._discovered()
        try:
            answer: Response = await self._client.authorize_redirect(request, self._redirect_uri)
        except _UNPROVEN as error:
            raise _failed(error) from error
        return answer

    async def finish(self, request: Request) -> Identity:
        """Who came back from the provider with a code."""
        metadata = await self._discovered()
        # RFC 9207: a code of another provider is not sent to this one.
        issuer = request.query_params.get("iss", self._settings.issuer)
        if issuer != self._settings.issuer:
            raise LoginFailed("the login was answered by another issuer")
        try:
            token = await self._client.authorize_access_token(request, claims_options=self._wanted, leeway=_LEEWAY_S)
            claims = token.get("userinfo")
            if not claims:
                raise LoginFailed("the provider sent no ID token")
            return self._identity(await self._with_groups(metadata, token, claims))
        except _UNREACHED as error:
            raise _unavailable(self._settings.issuer, error) from error
        except _UNPROVEN as error:
            raise _failed(error) from error

    async def logout_address(self) -> str | None:
        """Where a person ends the session with the provider; None where it tells no such address, or does not answer.

        OpenID Connect RP-Initiated Logout 1.0, section 2. Without an ID token, which would not fit into the cookie, the
        provider asks the person; without an address to come back to, none has to be registered.
        """
        try:
            metadata = await self._discovered()
        except LoginUnavailable:
            return None
        endpoint = metadata.get("end_session_endpoint")
        if not isinstance(endpoint, str) or not is_protected(endpoint):
            return None
        return str(httpx2.URL(endpoint).copy_merge_params({"client_id": self._settings.client_id}))

    @property
    def _wanted(self) -> dict[str, object]:
        """The claims that must be there, with the values that they must have."""
        return {
            "iss": {"essential": True, "values": [self._settings.issuer]},
            "aud": {"essential": True, "values": [self._settings.client_id]},
        }

    async def _discovered(self) -> Mapping[str, Any]:
        """The provider's metadata, read once (OpenID Connect Discovery 1.0, section 4)."""
        try:
            metadata = await self._client.load_server_metadata()
        except _UNREACHED as error:
            raise _unavailable(self._settings.issuer, error) from error
        except _UNPROVEN as error:
            raise LoginUnavailable(f"what {self._settings.issuer} answers is no OpenID configuration") from error
        try:
            _require_usable(metadata, self._settings.issuer)
        except LoginUnavailable:
            metadata.clear()  # it is read again at the next login
            raise
        given = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [each for each in given if each in _SIGNATURES]
        found: Mapping[str, Any] = metadata
        return found

    async def _with_groups(
        self, metadata: Mapping[str, Any], token: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The claims, and those of the userinfo endpoint where the ID token has no groups or no name."""
        settings = self._settings
        if {settings.groups_claim, settings.name_claim} <= claims.keys() or "userinfo_endpoint" not in metadata:
            return claims
        more = await self._client.userinfo(token=token)
        # OpenID Connect Core 1.0, section 5.3.2: an answer about another subject must not be used.
        if more.get("sub") != claims["sub"]:
            raise LoginFailed("the provider's user information is about another person")
        return {**more, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject = claims["sub"]
        name = claims.get(self._settings.name_claim, subject)
        if not _is_name(name) or not _is_name(subject):
            raise LoginFailed(f"the claim {self._settings.name_claim} or sub is no name that can be shown")
        groups = claims.get(self._settings.groups_claim, ())
        listed = [groups] if isinstance(groups, str) else groups
        if not isinstance(listed, list | tuple):
            raise LoginFailed(f"the claim {self._settings.groups_claim} is no list of groups")
        return Identity(name, f"{claims['iss']}#{subject}", tuple(each for each in listed if isinstance(each, str)))


def _require_usable(metadata: Mapping[str, Any], issuer: str) -> None:
    """Raise LoginUnavailable unless this is the configuration of the issuer, with protected addresses."""
    if metadata.get("issuer") != issuer:
        raise LoginUnavailable(
            f"the provider says that its issuer is {metadata.get('issuer')}, not {issuer}",
            hint="set PENSTOCK_OIDC_ISSUER to exactly what the provider says",
        )
    for name in _ENDPOINTS:
        if not is_protected(str(metadata.get(name, ""))):
            raise LoginUnavailable(f"the provider's {name} does not use https")


def is_protected(url: str) -> bool:
    """Whether an address uses TLS, or never leaves this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable() and value == value.strip()


def _unavailable(issuer: str, error: Exception) -> LoginUnavailable:
    return LoginUnavailable(f"the OpenID provider {issuer} did not answer: {str(error) or type(error).__name__}")


def _failed(error: Exception) -> LoginFailed:
    """The refusal with the code of the protocol's error, and without its text, which the request may bring along."""
    code = str(getattr(error, "error", ""))
    return LoginFailed(f"the login was refused: {code if _CODE.fullmatch(code) else type(error).__name__}")
