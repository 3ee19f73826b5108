"""What all pages about one organisation share: its statuses, and the tabs that lead from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from controller.domain.errors.api import UnknownResource
from controller.domain.page_addresses import organization_address
from controller.service.pages.asked import Asked
from controller.store.views import OrganizationView


@dataclass(frozen=True, slots=True)
class Tab:
    """A link to another page about the organisation."""

    text: str
    address: str
    current: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What an action answered, above the content."""

    tone: str
    text: str


def known(asked: Asked) -> OrganizationView | None:
    """What the last pass found of the organisation of the address; None before the first. Raises UnknownResource."""
    view = asked.window.services.store.views.organization(asked.organization)
    if view is None and asked.organization not in asked.described:
        raise UnknownResource(f"There is no organisation {asked.organization}.")
    return view


def seen(asked: Asked) -> OrganizationView:
    """As `known`, and there was a pass. Raises UnknownResource."""
    view = known(asked)
    if view is None:
        raise UnknownResource(f"The first pass over {asked.organization} has not ended yet.")
    return view


def organization_page(
    asked: Asked, template: str, view: OrganizationView | None, *, live: bool = False, status: int = 200, **values: Any
) -> Response:
    """The answer with a page about the organisation of the address."""
    current = asked.request.url.path.rstrip("/").split("/", 4)[3:4]
    counts = {} if view is None else {"flows": sum(view.flows.values()), "drift": len(view.drift)}
    tabs = [
        Tab(text, organization_address(asked.organization, *part), current == part, counts.get("".join(part)))
        for text, part in _TABS
    ]
    about: dict[str, Any] = {"organization": asked.organization, "view": view, "tabs": tabs, "notice": _notice(asked)}
    return asked.page(template, "/", live=live, status=status, **about, **values)


_TABS: Final[tuple[tuple[str, list[str]], ...]] = (
    ("Overview", []),
    ("Flows", ["flows"]),
    ("Plan", ["plan"]),
    ("Graph", ["graph"]),
    ("Syncs", ["syncs"]),
    ("Drift", ["drift"]),
    ("Audit", ["audit"]),
)
_DONE: Final = {
    "sync": "The controller was asked to deliver.",
    "retry": "The controller was asked to try again.",
    "rollback": "The controller was asked to roll back.",
    "approve": "The plan is approved.",
    "accept": "The version is accepted.",
    "suspend": "The organisation is suspended.",
    "resume": "The organisation is resumed.",
}


def _notice(asked: Asked) -> Notice | None:
    """Only one of our own sentences: the query is anybody's."""
    text = _DONE.get(asked.query("done"))
    return None if text is None else Notice("good", text)
