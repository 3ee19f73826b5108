"""Answers about the caller: its token, its organisation, its roles."""

from __future__ import annotations

from pydantic import Field

from controller.genesys.wire.model import EntityRef, ListPage, WireModel


class TokenInfo(WireModel):
    organization: EntityRef | None = None


class Policy(WireModel):
    domain: str | None = None
    entity_name: str | None = None
    actions: list[str] = Field(default_factory=list)

    def grants(self, permission: str) -> bool:
        """Whether this policy grants `domain:entity:action`; `*` matches all."""
        domain, _, rest = permission.partition(":")
        entity, _, action = rest.partition(":")
        return (
            _fits(self.domain, domain)
            and _fits(self.entity_name, entity)
            and any(_fits(given, action) for given in self.actions)
        )


def _fits(given: str | None, wanted: str) -> bool:
    return given == "*" or (given or "").lower() == wanted.lower()


class ClientRole(WireModel):
    policies: list[Policy] = Field(default_factory=list)


class ClientGrant(WireModel):
    role: ClientRole = Field(default_factory=ClientRole)


class AuthorizedSubject(WireModel):
    """The calling client with all its roles."""

    id: str
    grants: list[ClientGrant]

    @property
    def tells(self) -> bool:
        """Whether the answer contains the grants of the roles, not only their names."""
        return any(grant.role.policies for grant in self.grants)

    def holds(self, permission: str) -> bool:
        return any(policy.grants(permission) for grant in self.grants for policy in grant.role.policies)


class PermittedDivision(WireModel):
    """A division in which the caller holds a permission."""

    id: str
    name: str | None = None
    home_division: bool | None = None


class PermittedDivisions(ListPage[PermittedDivision]):
    """One page of them."""

    all_divs_permitted: bool | None = None
