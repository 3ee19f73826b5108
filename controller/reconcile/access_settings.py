"""The operator's settings about who may see and change what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from controller.domain.web_origin import web_origin


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
