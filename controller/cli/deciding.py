"""Opens the store for a decision of a person: only where decisions reach a controller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from controller.cli.running import opened_services
from controller.cli.workspace import only_organization
from controller.domain.desired import Organization
from controller.reconcile.recorder import require_recorder
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import open_folder


@contextmanager
def deciding(
    settings: Settings, folder: Path, organizations: Sequence[str] | None, what: str, *, this_store: bool
) -> Iterator[tuple[Services, Organization]]:
    """The services with the store, and the one organisation that `what` is for.

    Raises RecordedElsewhere unless this store records the organisation or `this_store` lifts that, and SettingsInvalid
    where the manifests describe several organisations or none.
    """
    workspace = open_folder(folder, settings, organizations or ())
    chosen = only_organization(workspace, what)
    with opened_services(settings) as services:
        if not this_store:
            require_recorder(services, workspace, chosen)
        yield services, chosen
