"""A person or program that asks the service, and what it may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

EVERY = "*"
"""The pattern of all organisations, and the group of everyone who can log in."""


class Role(StrEnum):
    """The rights of a person or program in an organisation."""

    READ = "read"
    """See everything that the service shows."""
    OPERATE = "operate"
    """Change something, too."""

    @property
    def includes(self) -> tuple[Role, ...]:
        """This role and the ones that come with it."""
        return (Role.READ, Role.OPERATE) if self is Role.OPERATE else (Role.READ,)


class How(StrEnum):
    """How the service knows who asks."""

    TOKEN = "token"  # noqa: S105 - a word of the audit log
    PROXY = "proxy"
    OIDC = "oidc"
    TOKEN_LOGIN = "token-login"  # noqa: S105 - a word of the audit log
    """By a session that began with a token."""
    OPEN = "open"
    """It does not: anyone may read."""

    @property
    def ambient(self) -> bool:
        """Whether a browser sends the proof on its own, so that a page of another site could use it."""
        return self is How.PROXY or self.in_session

    @property
    def in_session(self) -> bool:
        """Whether a session of ours proves it."""
        return self in (How.OIDC, How.TOKEN_LOGIN)


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role in the organisations whose names match a pattern."""

    role: Role
    organizations: str = EVERY
    """As in a shell: `*` matches any characters, `?` any one character."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks."""

    name: str
    """The name that the audit log shows."""
    how: How
    grants: tuple[Grant, ...]
    subject: str | None = None
    """What identifies the person where names can change: issuer and subject of an OpenID provider."""

    def may(self, role: Role, organization: str | None = None) -> bool:
        """Whether the person has a role in an organisation; without one, in any organisation at all."""
        return any(
            role in grant.role.includes and (organization is None or fnmatchcase(organization, grant.organizations))
            for grant in self.grants
        )


ANYONE = Person("anyone", How.OPEN, (Grant(Role.READ),))
"""Who reads where reading is open."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Which groups have which roles. An entry is `GROUP`, or `GROUP=PATTERN` for some organisations."""

    readers: tuple[str, ...]
    operators: tuple[str, ...]

    @property
    def entries(self) -> tuple[str, ...]:
        """All entries."""
        return (*self.readers, *self.operators)

    def knows(self, group: str) -> bool:
        """Whether a group leads to a role."""
        return any(group == _entry(each)[0] for each in self.entries)

    def grants(self, groups: Iterable[str]) -> tuple[Grant, ...]:
        """The roles of a person in these groups; none where no group is known."""
        given = {EVERY, *groups}
        sides = ((Role.READ, self.readers), (Role.OPERATE, self.operators))
        found = {
            Grant(role, where) for role, entries in sides for group, where in map(_entry, entries) if group in given
        }
        return tuple(sorted(found))


def _entry(entry: str) -> tuple[str, str]:
    group, _, pattern = entry.partition("=")
    return group, pattern or EVERY
