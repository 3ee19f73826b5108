"""Decides which repository each organisation belongs to, where several are followed.

An organisation belongs to one repository. Where two describe it, the one whose entry comes first in the configuration
keeps it. Nothing of the other one is delivered to it, and the other's fault names both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from controller.domain.errors.branches import PenstockError
from controller.service.described import Described


@dataclass(frozen=True, slots=True)
class Belonging:
    """The organisations of all repositories."""

    wanted: Mapping[str, Described]
    """Each organisation by its name, with the repository that it belongs to."""
    refused: Mapping[str, Mapping[str, str]]
    """By repository, and by organisation that it describes: why this one is not delivered from it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A repository, and what it describes."""

    repository: str
    patterns: tuple[str, ...]
    """The organisations that it may describe; all when empty."""
    described: Sequence[Described]
    undecided: bool
    """Whether it was not read yet, and is waited for."""
    read: bool = True
    """Whether it was read since the start, so that all that it describes is known."""

    def may_have(self, organization: str) -> bool:
        """Whether the operator lets it describe this organisation."""
        return not self.patterns or any(fnmatchcase(organization, pattern) for pattern in self.patterns)


def belonging(claims: Iterable[Claim], elsewhere: Callable[[Described], bool]) -> Belonging:
    """Where each organisation belongs, by what the repositories claim, in the order of the configuration.

    One that an earlier repository may describe, too, is left out while that one is waited for. Where that one cannot be
    read, `elsewhere` tells whether the organisation was delivered from another repository before.
    """
    wanted: dict[str, Described] = {}
    places: dict[tuple[str, str], Described] = {}
    refused: dict[str, dict[str, str]] = defaultdict(dict)
    unread: list[Claim] = []
    for claim in claims:
        for each in claim.described:
            name, place = each.organization.name, _place(each)
            first = wanted.get(name) or places.get(place or ("", ""))
            if not claim.may_have(name):
                refused[claim.repository][name] = not_allowed(name, claim)
            elif first is not None and first.repository != claim.repository:
                refused[claim.repository][name] = _taken(each, first)
            elif any(earlier.undecided and earlier.may_have(name) for earlier in unread):
                continue
            elif (owner := next((one for one in unread if one.may_have(name)), None)) and elsewhere(each):
                refused[claim.repository][name] = _may_be_of(each, owner)
            else:
                wanted[name] = each
                if place is not None:
                    places.setdefault(place, each)
        if not claim.read:
            unread.append(claim)
    return Belonging(wanted, refused)


def delivered_elsewhere(described: Described) -> bool:
    """Whether the last pass over the organisation was at a commit that its repository does not hold.

    Also where the store does not tell. Blocks while git runs.
    """
    try:
        view = described.services.store.views.organization(described.organization.name)
        if view is None or view.revision is None:
            return False
        return not described.workspace.repository.is_ancestor(view.revision, described.workspace.revision)
    except PenstockError:
        return True


def _place(described: Described) -> tuple[str, str] | None:
    """Address and client, which tell an organisation under any name; None where the client cannot be read."""
    organization = described.organization
    try:
        return organization.endpoint.api_url.rstrip("/"), described.services.client_id(organization)
    except PenstockError:
        return None


def not_allowed(name: str, claim: Claim) -> str:
    """Why a repository may not describe this organisation, for people."""
    return (
        f"the organisation {name} is not delivered: the repository {claim.repository} may describe "
        f"{', '.join(claim.patterns)} only (add it to the repository's organizations in the configuration)"
    )


def _may_be_of(described: Described, owner: Claim) -> str:
    name = described.organization.name
    return (
        f"the organisation {name} is not delivered from the repository {described.repository}: it was delivered from "
        f"another one before, and the repository {owner.repository}, which comes first, cannot be read (describe it "
        "in one of them only, or name it in the organizations of one)"
    )


def _taken(described: Described, first: Described) -> str:
    name, other = described.organization.name, first.organization.name
    same = "" if name == other else f", as {other}: both have the same address and client"
    return (
        f"the organisation {name} is not delivered from the repository {described.repository}: it belongs to the "
        f"repository {first.repository}{same} (describe it in one of them only)"
    )
