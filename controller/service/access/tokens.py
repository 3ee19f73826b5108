"""Bearer tokens: a file of the operator has their hashes, roles and ends.

A token has 256 random bits, so that one round of SHA-256 protects it: nobody can try so many. A password would need a
slow hash, and is not accepted as a token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from controller.domain.clock import Clock
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.service.access.person import EVERY, Grant, How, Person, Role

log = structlog.get_logger()

PREFIX: Final = "penstock_"
"""The beginning of each token, by which scanners for leaked secrets recognise it."""
_RANDOM_BYTES = 32
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_FILE = 1024**2


class TokenEntry(BaseModel):
    """One token in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=255)
    """Who uses it: the person of the audit log."""
    hash: str
    """`sha256:` and the SHA-256 of the whole token, in hexadecimal."""
    role: Role
    organizations: tuple[str, ...] = (EVERY,)
    """Patterns of the organisations in which it has the role."""
    expires: AwareDatetime | None = None
    """The moment from which on it is refused."""

    @field_validator("hash")
    @classmethod
    def _hashed(cls, value: str) -> str:
        if not _HASH.fullmatch(value):
            raise ValueError("it must be of the form sha256:HEX, as `penstock token` prints it")
        return value

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("it must be printable, without spaces around it")
        return value

    @property
    def person(self) -> Person:
        """Who uses it, and what they may do."""
        return Person(self.name, How.TOKEN, tuple(Grant(self.role, each) for each in self.organizations))


class TokenList(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: tuple[TokenEntry, ...]


def hash_of(token: str) -> str:
    """How the file has a token."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def new_token() -> str:
    """A new random token."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def new_entry(token: str, name: str, role: Role, organizations: Sequence[str], expires: datetime | None) -> TokenEntry:
    """The file's entry for a token. Raises SettingsInvalid for a name that no entry may have."""
    try:
        return TokenEntry(
            name=name, hash=hash_of(token), role=role, organizations=tuple(organizations) or (EVERY,), expires=expires
        )
    except ValidationError as error:
        raise SettingsInvalid(f"no token can have this name or end: {_faults(error)}") from None


def expiry(now: datetime, days: int) -> datetime:
    """The end of a token that lasts so many days, in whole seconds."""
    return (now.astimezone(UTC) + timedelta(days=days)).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the file had, and how it looked from outside."""

    seen: tuple[int, int, int] | None
    entries: tuple[TokenEntry, ...]


class TokenFile:
    """The tokens of the operator's file, which is read again after each change."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Reads the file. Raises SettingsInvalid where it cannot be used."""
        self._path = path
        self._clock = clock
        self._read = _Read(_seen(path), read_tokens(path))

    def entry(self, token: str) -> TokenEntry | None:
        """The entry of this token; None for one that is unknown or has expired. The comparison takes constant time."""
        given = hash_of(token)
        # No early end: the time tells neither which entry it is nor whether there is one.
        found = [entry for entry in self.entries() if hmac.compare_digest(entry.hash, given)]
        if not found:
            return None
        SECRETS.register(token)
        return found[0]

    def entries(self) -> tuple[TokenEntry, ...]:
        """The entries that count now: none of them has expired."""
        now = self._clock.now()
        return tuple(entry for entry in self._entries() if entry.expires is None or now < entry.expires)

    def _entries(self) -> tuple[TokenEntry, ...]:
        seen = _seen(self._path)
        if seen != self._read.seen:
            try:
                self._read = _Read(seen, read_tokens(self._path))
                log.info("tokens.read", file=str(self._path), tokens=len(self._read.entries))
            except SettingsInvalid as error:
                # Nothing is accepted of a file that says something else than it did.
                self._read = _Read(seen, ())
                log.error("tokens.unusable", error=error.message)  # noqa: TRY400 - the message is all there is to say
        return self._read.entries


def read_tokens(path: Path) -> tuple[TokenEntry, ...]:
    """The entries of a token file. Raises SettingsInvalid that names the file and each mistake, and shows no hash."""
    try:
        content = path.read_bytes()
        if len(content) > _LARGEST_FILE:
            raise SettingsInvalid(f"{path}: the file of tokens has more than {_LARGEST_FILE} bytes")
        found = TokenList.model_validate(yaml.safe_load(content))
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot read the file of tokens: {error.strerror or error}") from error
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{path}: the file of tokens is no YAML") from error
    except ValidationError as error:
        raise SettingsInvalid(f"{path}: the file of tokens has mistakes: {_faults(error)}", hint=_HINT) from None
    twice = [name for name, count in Counter(entry.hash for entry in found.tokens).items() if count > 1]
    if twice:
        names = ", ".join(entry.name for entry in found.tokens if entry.hash in twice)
        raise SettingsInvalid(f"{path}: several entries have one hash: {names}", hint=_HINT)
    return found.tokens


_HINT = "`penstock token NAME` prints an entry"


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'top'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_input=False, include_url=False)
    )


def _seen(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
