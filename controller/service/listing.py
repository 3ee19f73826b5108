"""Keeps the list of organisations in the store: those of the manifests, also before a pass over them has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from controller.domain.desired import Organization
from controller.domain.errors.process import StoreFailed
from controller.reconcile.services import Services
from controller.service.view_building import awaited_flows, awaited_organization

log = structlog.get_logger()

_FORGOTTEN_AFTER: Final = timedelta(days=1)


class OrganizationList:
    """What the store lists, as the manifests that were read last want it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._wanted: Mapping[str, Organization] = {}
        self._known: set[str] = set()
        """The organisations of these manifests, and of those before them that are not forgotten yet."""
        self._flows: dict[str, frozenset[str]] = {}
        """The flows of each organisation in the manifests that were listed last."""
        self._written = True
        self._complete = True

    def read(self, organizations: Sequence[Organization], *, complete: bool = True) -> None:
        """List the organisations of these manifests; later, with `catch_up`, where the store fails.

        Others are forgotten only where the manifests are complete: a repository that was not read may describe them.
        """
        self._complete = complete
        self._wanted = {each.name: each for each in organizations}
        self._known |= self._wanted.keys()
        self._written = False
        try:
            self.catch_up()
        except StoreFailed as error:
            log.warning("live.not-listed", error=error.message)

    def catch_up(self) -> None:
        """Write what the store did not take before. Raises StoreFailed."""
        if self._written:
            return
        store, now = self._services.store, self._services.clock.now()
        listed = store.views.organizations()
        # Others only when no controller has looked at them for a day: another one may serve other manifests.
        gone = [each for each in listed if self._complete and each.organization not in self._wanted]
        unseen = now - _FORGOTTEN_AFTER
        store.views.forget([each.organization for each in gone if each.organization in self._known or each.at < unseen])
        for name in sorted(self._wanted.keys() - {each.organization for each in listed}):
            organization = self._wanted[name]
            store.views.expect(awaited_organization(organization, now), awaited_flows(organization, now))
        for name in sorted(self._wanted.keys() & {each.organization for each in listed}):
            self._list_new_flows(self._wanted[name], now)
        self._known = set(self._wanted) if self._complete else self._known
        self._written = True

    def _list_new_flows(self, organization: Organization, now: datetime) -> None:
        """List flows that an organisation which is listed did not have, where these manifests have other ones."""
        names = frozenset(flow.id for flow in organization.flows)
        if self._flows.get(organization.name) != names:
            self._services.store.views.expect_more(organization.name, awaited_flows(organization, now))
        self._flows[organization.name] = names
