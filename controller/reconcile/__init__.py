"""One pass over one organisation, in steps; joins everything below. Prints nothing.

`settings`, `credentials` and `services` are what the process has. `workspace` is a revision, read. `loop` runs the
steps of a mode in order: `steps` checks out, locates and takes the organisation (`ownership`) and resumes unfinished
work (`pauses`); `plan_steps` observes (`observe`, `confirming`, `pruning`) and plans; `records` commits the delivery,
`drift` notes it. `rollback` is the one mode that starts from a person's choice. `report` is the result, `health` the
judgement.
"""

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
