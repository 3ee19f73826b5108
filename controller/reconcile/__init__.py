"""One pass as a list of named steps; joins everything below. Prints nothing."""

from typing import TYPE_CHECKING

from controller.domain.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from controller.reconcile.health import made_by_delivery
    from controller.reconcile.loop import run_pass
    from controller.reconcile.pass_ import SERVICE, Listener, Mode, PassRequest, Source, Unwatched
    from controller.reconcile.report import PassReport
    from controller.reconcile.services import Services
    from controller.reconcile.settings import Settings, load_settings
    from controller.reconcile.workspace import Workspace, open_folder, open_revision
else:
    __getattr__ = lazy_exports(__name__)

__all__ = [
    "SERVICE",
    "Listener",
    "Mode",
    "PassReport",
    "PassRequest",
    "Services",
    "Settings",
    "Source",
    "Unwatched",
    "Workspace",
    "load_settings",
    "made_by_delivery",
    "open_folder",
    "open_revision",
    "run_pass",
]
