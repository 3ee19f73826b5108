"""GitHub Apps: the JSON web token that a key signs, installations, and the tokens that are made for them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.forges import github_shapes as shapes
from tests.support.forges.github_access import Token
from tests.support.forges.model import Repository
from tests.support.forges.server import Answer, Call

if TYPE_CHECKING:
    from tests.support.forges.github_access import GitHubAccess

LONGEST_JWT_S = 600
TOKEN_S = 3600


@dataclass(slots=True)
class Installation:
    """An App in an account; `permissions` are what its owner granted."""

    id: int
    repositories: list[Repository]
    permissions: dict[str, str]


@dataclass(slots=True)
class GitHubApp:
    """A registered App. `private_key` is the PEM that its owner keeps; GitHub has the public half."""

    id: int
    slug: str
    private_key: str
    public_key: Any
    installations: dict[int, Installation] = field(default_factory=dict)

    @property
    def login(self) -> str:
        """The name that its comments bear."""
        return f"{self.slug}[bot]"


@cache
def _keys(place: int) -> tuple[str, Any]:
    """The private and the public half of the key of a forge's first App, its second one, and so on."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return pem.decode(), key.public_key()


class GitHubApps:
    """Registers its routes with the server."""

    def __init__(self, server: GitHubAccess) -> None:
        self._server = server
        self._apps: dict[int, GitHubApp] = {}
        server.route("GET", "/app", self._get)
        server.route("GET", "/app/installations", self._list)
        server.route("GET", "/repos/{owner}/{repo}/installation", self._of_repository)
        server.route("POST", "/app/installations/{installation:int}/access_tokens", self._token)

    def register(self, slug: str = "penstock") -> GitHubApp:
        """A new App with a key of its own."""
        private, public = _keys(len(self._apps))
        made = GitHubApp(self._server.forge.next_id(), slug, private, public)
        self._apps[made.id] = made
        self._server.forge.person(made.login, "Bot")
        return made

    def install(self, app: GitHubApp, repositories: list[Repository], permissions: dict[str, str]) -> Installation:
        """Install an App in repositories with these permissions."""
        made = Installation(self._server.forge.next_id(), repositories, {"metadata": "read", **permissions})
        app.installations[made.id] = made
        return made

    def _app(self, call: Call) -> GitHubApp:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token.count(".") != 2:
            raise self._server.refused(401, "A JSON web token could not be decoded")
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
            app = self._apps.get(int(claims["iss"]))
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise self._server.refused(401, "A JSON web token could not be decoded") from error
        if app is None:
            raise self._server.refused(404, "Integration not found")
        try:
            options: Any = {"verify_exp": False, "verify_iat": False}
            jwt.decode(token, app.public_key, algorithms=["RS256"], options=options)
        except jwt.PyJWTError as error:
            raise self._server.refused(401, "A JSON web token could not be decoded") from error
        self._check_times(claims)
        return app

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._server.wall()
        if not isinstance(claims.get("iat"), int) or claims["iat"] > now + 60:
            text = "must be an Integer representing the time that the assertion was issued"
            raise self._server.refused(401, f"'Issued at' claim ('iat') {text}")
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= now:
            text = "must be a numeric value representing the future time at which the assertion expires"
            raise self._server.refused(401, f"'Expiration time' claim ('exp') {text}")
        if claims["exp"] > now + LONGEST_JWT_S:
            raise self._server.refused(401, "'Expiration time' claim ('exp') is too far in the future")

    def _get(self, call: Call) -> Answer:
        app, base = self._app(call), self._server.api(call)
        owner = shapes.person(self._server.forge.person("acme", "Organization"), base)
        moment = "2026-01-01T00:00:00Z"
        body = {
            "id": app.id,
            "slug": app.slug,
            "node_id": f"A_{app.id}",
            "client_id": f"Iv23{app.id}",
            "owner": owner,
            "name": app.slug,
            "description": None,
            "external_url": base,
            "html_url": f"{base}/apps/{app.slug}",
            "created_at": moment,
            "updated_at": moment,
            "permissions": {"metadata": "read"},
            "events": [],
            "installations_count": len(app.installations),
        }
        return Answer(200, body)

    def _shape(self, app: GitHubApp, one: Installation, base: str) -> dict[str, Any]:
        moment = "2026-01-01T00:00:00Z"
        owner = one.repositories[0].owner
        return {
            "id": one.id,
            "account": shapes.person(owner, base),
            "repository_selection": "selected",
            "access_tokens_url": f"{base}/app/installations/{one.id}/access_tokens",
            "repositories_url": f"{base}/installation/repositories",
            "html_url": f"{base}/organizations/{owner.login}/settings/installations/{one.id}",
            "app_id": app.id,
            "client_id": f"Iv23{app.id}",
            "app_slug": app.slug,
            "target_id": owner.id,
            "target_type": owner.kind,
            "permissions": one.permissions,
            "events": [],
            "created_at": moment,
            "updated_at": moment,
            "single_file_name": None,
            "suspended_at": None,
            "suspended_by": None,
        }

    def _list(self, call: Call) -> Answer:
        app, base = self._app(call), self._server.api(call)
        return self._server.listing(call, [self._shape(app, one, base) for one in app.installations.values()])

    def _of_repository(self, call: Call) -> Answer:
        app, base = self._app(call), self._server.api(call)
        name = f"{call.parts['owner']}/{call.parts['repo']}".lower()
        for one in app.installations.values():
            if name in [repository.full_name.lower() for repository in one.repositories]:
                return Answer(200, self._shape(app, one, base))
        raise self._server.not_found(call)

    def _token(self, call: Call) -> Answer:
        app, sent = self._app(call), call.body
        installation = app.installations.get(int(call.parts["installation"]))
        if installation is None:
            raise self._server.not_found(call)
        permissions = sent.get("permissions") or installation.permissions
        for name, level in permissions.items():
            if installation.permissions.get(name) not in {level, "write"}:
                text = "The permissions requested are not granted to this installation."
                raise self._server.refused(422, text)
        names = sent.get("repositories")
        chosen = [one for one in installation.repositories if names is None or one.name in names]
        if names is not None and len(chosen) != len(set(names)):
            text = (
                "There is at least one repository that does not exist or is not accessible to the parent installation."
            )
            raise self._server.refused(422, text)
        value, expires_at = f"ghs_{secrets.token_urlsafe(27)}", self._server.wall() + TOKEN_S
        ids = frozenset(one.id for one in chosen)
        self._server.tokens[value] = Token(app.login, "installation", permissions, app.id, expires_at, ids)
        body = {
            "token": value,
            "expires_at": shapes.moment(datetime.fromtimestamp(expires_at, UTC)),
            "permissions": permissions,
            "repository_selection": "selected",
        }
        return Answer(201, body)
