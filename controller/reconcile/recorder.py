"""Which store records an organisation, and what people may do from another one.

A controller reads decisions from its own store, takes leases in it, and quarantines content there. From another store
a decision reaches nobody, and a delivery or a rollback runs beside the controller. The lock file names the store.
"""

from __future__ import annotations

from controller.domain.desired import Organization
from controller.domain.errors.delivery import RecordedElsewhere
from controller.domain.recorded import RecordedState
from controller.domain.visible import visible
from controller.reconcile.pass_ import Located, Mode
from controller.reconcile.services import Services
from controller.reconcile.steps import read_record
from controller.reconcile.workspace import Workspace

_THIS_STORE = "pass --this-store where PENSTOCK_STORE is the controller's store now"


def require_recorder(services: Services, workspace: Workspace, organization: Organization) -> None:
    """Raise RecordedElsewhere if another store than this process's records the organisation.

    Without any record nobody can tell, and nothing is raised. Raises GitRemoteFailed, BranchGone and RepositoryFailed
    where the record cannot be read.
    """
    recorded = workspace.repository.recorded_state(organization.name, organization.artifacts)
    own = services.store.known_branches.store_id
    if recorded.store_id not in (None, own):
        raise _elsewhere(recorded, "what is decided here would reach nobody")


async def refuse_beside_controller(at: Located) -> None:
    """Raise RecordedElsewhere if the pass would deliver, or roll back, beside the controller of another store.

    A delivery is refused only where the record tells the controller's address: otherwise other commands may have
    recorded, such as jobs of a CI system, each of which has a store of its own.
    """
    if at.request.any_store:
        return
    recorded = await read_record(at)
    if recorded.store_id in (None, at.services.store.known_branches.store_id):
        return
    if at.request.mode is Mode.ROLLBACK:
        raise _elsewhere(recorded, "it would not know of the rollback and deliver the content again")
    if recorded.server is not None:
        raise _elsewhere(recorded, "this command would deliver beside it")


def _elsewhere(recorded: RecordedState, why: str) -> RecordedElsewhere:
    if recorded.server is None:
        return RecordedElsewhere(
            f"{recorded.organization}: another store records this organisation, and {why}",
            hint=f"run it where the controller's store is, or with --server; {_THIS_STORE}",
        )
    server = visible(recorded.server)
    return RecordedElsewhere(
        f"{recorded.organization}: the controller at {server} records this organisation in another store; {why}",
        hint=f"ask it: --server {server}; {_THIS_STORE}",
    )
