"""An organisation together with the manifests that describe it."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.desired import Organization
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Described:
    """An organisation, the manifests that were read last, and what its passes work with."""

    organization: Organization
    workspace: Workspace
    services: Services
    """Those of the repository."""


def described_in(workspace: Workspace | None, services: Services) -> list[Described]:
    """The organisations of the manifests; none before they were read."""
    known = () if workspace is None else workspace.desired.organizations
    return [Described(each, workspace, services) for each in known if workspace is not None]
