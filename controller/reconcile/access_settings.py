"""The operator's settings about who may see and change what."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource

from controller.domain.web_origin import web_origin

_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
_OTHERS: Final = frozenset(
    {"authorization", "connection", "content-length", "content-type", "cookie", "host", "origin"}
)
"""Headers that have another meaning."""
_ENTRIES = Annotated[tuple[str, ...], NoDecode]
_LONGEST_S: Final = 31 * 24 * 3600


class _Variables(EnvSettingsSource):
    """The environment's texts, which the fields' validators read.

    pydantic-settings looks for a form in JSON at each field of each instance, which takes most of its time; no setting
    has one (`NoDecode`).
    """

    def __call__(self) -> dict[str, Any]:
        """The settings whose variable is there."""
        variables = {name: f"{self.env_prefix}{name}".lower() for name in self.settings_cls.model_fields}
        return {name: self.env_vars[variable] for name, variable in variables.items() if variable in self.env_vars}


class AccessSettings(BaseSettings):
    """The part of the settings that decides who may see and change what."""

    http_address: str = Field(default="127.0.0.1:8081", description="Where the service listens")
    public_url: str | None = Field(
        default=None, description="Address at which people reach the service, such as https://penstock.example.com"
    )
    read_access: Literal["open", "token"] | None = Field(
        default=None, description="open: anyone may read; token: only who is known; else open on loopback only"
    )
    tokens_file: Path | None = Field(default=None, description="File with the hashes of bearer tokens and their roles")
    session_key_file: Path | None = Field(
        default=None, description="File with the key that signs sessions; else PENSTOCK_SESSION_KEY"
    )
    session_ttl: Annotated[float, Field(gt=0, le=_LONGEST_S, allow_inf_nan=False)] = Field(
        default=8 * 3600.0, description="Seconds after which a person has to log in again"
    )
    proxy_addresses: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(), description="Addresses and networks of the proxies that are believed, separated by commas"
    )
    proxy_user_header: str | None = Field(
        default=None, description="Header in which a proxy of these addresses names the person"
    )
    proxy_groups_header: str | None = Field(default=None, description="Header in which it names the person's groups")
    proxy_readers: _ENTRIES = Field(
        default=(), description="Groups, or people where there is no groups header, that may read"
    )
    proxy_operators: _ENTRIES = Field(default=(), description="The same for those who may change something, too")
    oidc_issuer: str | None = Field(default=None, description="Issuer of the OpenID provider that people log in with")
    oidc_client_id: str | None = Field(default=None, description="This service's id as a client of the provider")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="File with the client's secret; else PENSTOCK_OIDC_CLIENT_SECRET"
    )
    oidc_ca_file: Path | None = Field(
        default=None, description="Certificates of authorities that the provider's may come from, as PEM"
    )
    oidc_scopes: str = Field(default="openid profile email", description="Scopes that a login asks for")
    oidc_name_claim: str = Field(default="preferred_username", description="Claim with the person's name")
    oidc_groups_claim: str = Field(default="groups", description="Claim with the person's groups")
    oidc_readers: _ENTRIES = Field(default=(), description="Groups of the provider that may read")
    oidc_operators: _ENTRIES = Field(default=(), description="Groups of the provider that may change something, too")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments and the environment. Files would be looked through for each setting, though none is given."""
        return init_settings, _Variables(settings_cls)

    @field_validator("http_address")
    @classmethod
    def _listens(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()) or int(port[:6]) > 65_535:
            raise ValueError(f"{value!r} is not of the form host:port")
        return value

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str | None) -> str | None:
        return None if value is None else web_origin(value)

    @field_validator("read_access", mode="before")
    @classmethod
    def _chosen(cls, value: object) -> object:
        return value or None

    @field_validator("proxy_user_header", "proxy_groups_header")
    @classmethod
    def _is_header(cls, value: str | None) -> str | None:
        if value is not None and (not _HEADER.fullmatch(value) or value.lower() in _OTHERS):
            raise ValueError("it must be the name of a header that nothing else uses, such as X-Forwarded-User")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _asks_for_openid(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("it must have the scope openid")
        return value

    @field_validator(
        "proxy_addresses", "proxy_readers", "proxy_operators", "oidc_readers", "oidc_operators", mode="before"
    )
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(entry.strip() for entry in value.split(",") if entry.strip())
        return value
