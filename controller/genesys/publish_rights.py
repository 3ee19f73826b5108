"""In which divisions this client may publish flows."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.errors.organization import PermissionMissing, RequestRejected
from controller.domain.ports import Platform
from controller.genesys.call import ApiCall
from controller.genesys.connect import transport_of
from controller.genesys.paging import PageOf, all_pages
from controller.genesys.wire.account import PermittedDivision, PermittedDivisions

PUBLISH = "architect:flow:publish"
_DIVISIONS = "/api/v2/authorization/divisionspermitted/paged/me"
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PublishRights:
    """The divisions in which the client may publish."""

    everywhere: bool
    divisions: frozenset[str] = frozenset()
    """Their names."""
    home: bool | None = None
    """Whether the home division is among them; None where the answer does not tell which one that is."""
    unknown: str | None = None
    """Why it cannot be told."""


async def publish_rights(platform: Platform) -> PublishRights:
    """Ask for the divisions: a call for each hundred. Raises errors of the connection, not a refusal."""
    transport, everywhere = transport_of(platform), False
    call = ApiCall("GET", _DIVISIONS, query={"permission": PUBLISH})

    async def fetch(page: ApiCall) -> PageOf[PermittedDivision]:
        nonlocal everywhere
        found = await transport.fetch(page, PermittedDivisions)
        everywhere = everywhere or found.all_divs_permitted is True
        return PageOf(found.entities, found, [each.id for each in found.entities])

    try:
        listing = await all_pages(transport, call, fetch, page_size=_PAGE_SIZE)
    except PermissionMissing as error:
        return PublishRights(everywhere=False, unknown=error.message)
    except RequestRejected as error:
        return PublishRights(everywhere=False, unknown=f"the organisation answers {error.status} to {call.name}")
    told = [each.home_division for each in listing.items if each.home_division is not None]
    names = frozenset(each.name for each in listing.items if each.name)
    return PublishRights(everywhere, names, any(told) if told else None)
