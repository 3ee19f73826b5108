"""`penstock schema`: the JSON Schema of the manifests, for editors, or of a document, for programs."""

from __future__ import annotations

import importlib
import json
from typing import Annotated

import typer

from controller.domain.errors.process import SettingsInvalid
from controller.manifests.schema import document_schema, json_schema
from controller.questions.document_schema import schema_of
from controller.reconcile.configuration.document import ConfigurationShape

DOCUMENTS = {
    "validate/v1": "controller.cli.commands.validate:ValidateDocument",
    "plan/v1": "controller.planning.rendering.document_model:PlanDocument",
    "apply/v1": "controller.cli.apply_document:ApplyDocument",
    "approval/v1": "controller.questions.decision_documents:ApprovalDocument",
    "promotion/v1": "controller.questions.decision_documents:PromotionDocument",
    "status/v1": "controller.questions.status_document:StatusDocument",
    "history/v1": "controller.questions.history_document:HistoryDocument",
    "audit/v1": "controller.questions.audit_document:AuditLogDocument",
    "audit-proof/v1": "controller.questions.audit_proof_document:AuditProofDocument",
    "preflight/v1": "controller.cli.commands.preflight:PreflightDocument",
    "import/v1": "controller.cli.commands.import_:ImportDocument",
    "diff/v1": "controller.questions.comparison_document:DiffDocument",
    "graph/v1": "controller.graphs.document:GraphDocument",
    "executions/v1": "controller.cli.commands.trace.found:ExecutionsDocument",
    "trace/v1": "controller.diagnosis.artifact:TraceDocument",
    "action-trace/v1": "controller.diagnosis.action.document:ActionTraceDocument",
    "recording/v1": "controller.cli.commands.trace.settings:RecordingDocument",
    "service-status/v1": "controller.service.status_document:ServiceStatusDocument",
    "organizations/v1": "controller.questions.live_document:OrganizationsDocument",
    "organization/v1": "controller.questions.live_document:OrganizationDocument",
    "flows/v1": "controller.questions.live_document:FlowsDocument",
    "flow/v1": "controller.questions.live_document:FlowDocument",
    "drift/v1": "controller.questions.drift_document:OpenDriftsDocument",
    "running/v1": "controller.questions.live_document:RunningDocument",
    "syncs/v1": "controller.questions.sync_document:SyncsDocument",
    "sync/v1": "controller.questions.sync_document:SyncDocument",
    "action/v1": "controller.questions.action_document:ActionDocument",
    "suspension/v1": "controller.questions.suspension_document:SuspensionDocument",
    "notification/v1": "controller.notify.document:NotificationDocument",
    "error/v1": "controller.questions.error_document:ErrorDocument",
}
"""Where the class of each document is; only the one that is asked for is imported."""
CONFIGURATION = "configuration/v1"
"""The operator's file, which people write and Penstock reads."""

_Of = Annotated[str | None, typer.Option("--of", metavar="DOCUMENT", help="A document's: plan/v1, status/v1, ...")]


def schema(of: _Of = None) -> None:
    """Print the schema. Raises SettingsInvalid for a document that is not in the list."""
    if of is not None and of.removeprefix("penstock.") == CONFIGURATION:
        found = document_schema(ConfigurationShape, "Penstock configuration")
    else:
        found = json_schema() if of is None else schema_of(document_class(of))
    print(json.dumps(found, indent=2, ensure_ascii=False))


def document_class(name: str) -> type:
    """The class of a document, with or without `penstock.` before its name. Raises SettingsInvalid."""
    place = DOCUMENTS.get(name.removeprefix("penstock."))
    if place is None:
        known = ", ".join((*DOCUMENTS, CONFIGURATION))
        raise SettingsInvalid(f"no schema is named {name}", hint=f"name one of {known}")
    module, _, attribute = place.partition(":")
    found: type = getattr(importlib.import_module(module), attribute)
    return found
