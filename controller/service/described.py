"""An organisation together with the manifests that describe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from controller.domain.desired import Organization
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace

ONLY: Final = "default"
"""The name of a repository that variables describe."""


@dataclass(frozen=True, slots=True)
class Described:
    """An organisation, the manifests that were read last, and what its passes work with."""

    organization: Organization
    workspace: Workspace
    services: Services
    """Those of the repository."""
    repository: str = ONLY
    """The repository's name."""


def described_in(workspace: Workspace | None, services: Services, repository: str = ONLY) -> list[Described]:
    """The organisations of the manifests; none before they were read."""
    known = () if workspace is None else workspace.desired.organizations
    return [Described(each, workspace, services, repository) for each in known if workspace is not None]
