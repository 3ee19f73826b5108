"""Who asks, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from controller.domain.errors.api import Forbidden, UnknownResource
from controller.service.access.access import Access
from controller.service.access.person import EVERY, Role
from controller.service.described import Described
from controller.service.window import ServiceWindow
from controller.store.store import Store
from controller.store.views import FlowView, OrganizationView


@dataclass(frozen=True, slots=True)
class Entrance:
    """Lets people in, and finds for them what a path names."""

    window: ServiceWindow

    @property
    def access(self) -> Access:
        return self.window.access

    @property
    def store(self) -> Store:
        return self.window.services.store

    def reader(self, request: Request) -> None:
        """Raise Unauthenticated and Forbidden unless the asker may read what the path names."""
        self.access.require(request, Role.READ, request.path_params.get("organization"))

    def visible(self, request: Request) -> Callable[[str], bool]:
        """Whether the asker may see the organisation of a name, also of one under which a history is kept."""

        def may_see(name: str) -> bool:
            try:
                self.access.require(request, Role.READ, organization_of(name))
            except Forbidden:
                return False
            return True

        return may_see

    def histories(self, request: Request, organization: str | None) -> list[str] | None:
        """The names of the histories that are asked for and may be seen; None for all there are.

        Raises Forbidden for an organisation that the asker may not see.
        """
        if organization is not None:
            self.access.require(request, Role.READ, organization)
            view = self.store.views.organization(organization)
            return sorted({organization, (view.kept_as if view is not None else "") or organization})
        person = self.access.require(request, Role.READ)
        if any(grant.organizations == EVERY for grant in person.grants):
            return None
        visible = self.visible(request)
        views = [view for view in self.store.views.organizations() if visible(view.organization)]
        return sorted({name for view in views for name in (view.organization, view.kept_as) if name})

    def view(self, name: str) -> OrganizationView:
        """What the last pass found of an organisation. Raises UnknownResource."""
        found = self.store.views.organization(name)
        if found is None:
            raise UnknownResource(
                f"no manifest that was read names an organisation {name!r}", hint="GET /api/v1/organizations"
            )
        return found

    def flow(self, organization: str, name: str) -> FlowView:
        """A managed flow of an organisation. Raises UnknownResource."""
        found = self.store.views.flow(organization, name)
        if found is None:
            raise UnknownResource(
                f"{organization} has no managed flow {name!r}", hint="GET /api/v1/organizations/NAME/flows?search="
            )
        return found

    def desired(self, name: str) -> Described:
        """The organisation with the manifests that describe it. Raises UnknownResource."""
        found = self.window.description(name)
        if found is None:
            raise UnknownResource(f"no manifest that was read describes an organisation {name!r}")
        return found


def organization_of(kept_as: str) -> str:
    """The organisation's name in the name of its history: a name that led elsewhere before has `@` and a digest."""
    return kept_as.partition("@")[0]
