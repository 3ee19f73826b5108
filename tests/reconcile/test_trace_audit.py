"""What people ask about executions leaves an entry, also where it fails."""

from __future__ import annotations

from controller.domain.errors.organization import ServerFault
from controller.questions.trace_audit import EXECUTION, TraceAudit
from controller.reconcile.workspace import open_folder
from tests.support.audit import audit_entries
from tests.support.world import ORGANIZATION, World


async def test_a_question_that_failed_is_an_entry_and_promises_no_service(world: World) -> None:
    """No service repeats what only a person asks: the hint says nothing of one."""
    organization = open_folder(world.clone, world.settings).organization(ORGANIZATION)
    error = ServerFault("POST /query: 503: down")
    assert "the service retries automatically" in str(error.hint)

    TraceAudit(world.services, organization, "ada").failed(EXECUTION, {"flow": "front", "version": None}, error)

    assert error.only_asked().hint == "run it again in a while"
    (entry,) = audit_entries(world.services.store, ORGANIZATION)
    assert (entry.action, entry.status, entry.actor) == ("flow_trace_debug", "failure", "ada")
    assert entry.details["flow"] == "front"
    assert entry.error == "POST /query: 503: down"
