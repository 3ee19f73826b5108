"""Examples of all answers: a small organisation in the middle of a working day."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from controller.domain.documents import plain
from controller.domain.references import Resolution
from controller.domain.status import Health, SyncStatus
from controller.flows.diff_model import DiffKind
from controller.graphs.document import EdgeDocument, GraphDocument, GraphNodeDocument, UnansweredDocument
from controller.graphs.model import EdgeKind
from controller.planning.model import ChangeKind
from controller.planning.rendering.document_model import ChangeDocument, OrganizationPlanDocument, PlanDocument
from controller.questions.action_document import ActionDocument
from controller.questions.audit_document import AuditLogDocument
from controller.questions.comparison_document import DiffDocument, DifferenceDocument, FlowDiffDocument, SideDocument
from controller.questions.decision_documents import ApprovalDocument, PromotionDocument
from controller.questions.drift_document import OpenDriftDocument, OpenDriftsDocument
from controller.questions.history_document import FlowHistoryDocument, HistoryDocument, OrganizationHistoryDocument
from controller.questions.live_document import (
    FlowDocument,
    FlowsDocument,
    FlowStateDocument,
    OpenProblemDocument,
    OrganizationDocument,
    OrganizationsDocument,
    OrganizationStateDocument,
    RefusalDocument,
    RunningDocument,
    RunningFlowDocument,
    RunningPassDocument,
    SeenDriftDocument,
    WaitingChangeDocument,
)
from controller.questions.status_document import LastSyncDocument
from controller.questions.suspension_document import SuspensionDocument, SuspensionStateDocument
from controller.questions.sync_document import SyncDocument, SyncsDocument
from controller.service.api.past_examples import ACTION, COMMIT, DIGEST, ENTRY, FLOW_ID, PERIOD, STEP, SYNC, at
from controller.service.problems import InputMistakeDocument, ProblemDocument
from controller.store.records import SyncState

_HOLDER: Final = "penstock-0"

_RUNNING_FLOW: Final = RunningFlowDocument(
    organization="acme",
    flow="front-door",
    sync_id=17,
    kind="publish",
    state="baking",
    version="8.0",
    since=at(5),
    until=at(35),
    percent=33.3,
    stage=None,
    gate={"gate": "errorRate", "verdict": "passed", "message": "0 of 41 executions failed", "figures": {"samples": 41}},
    message="0 of 41 executions failed",
    at=at(15),
)
_RUNNING: Final = RunningPassDocument(
    organization="acme",
    holder=_HOLDER,
    step="deliver",
    trigger="revision 9b1d6f0a4c52",
    since=at(4),
    done=1,
    total=2,
    beat_at=at(15),
    heard=True,
    flows=[_RUNNING_FLOW],
    waiting=[WaitingChangeDocument(flow="opening-hours", kind="republish", wave=2, waits_for=["front-door"])],
    waiting_total=1,
)
_SUSPENSION: Final = SuspensionStateDocument(by="Ada", reason="change freeze of CHG-1042", at=at(2))
_LAST_SYNC: Final = LastSyncDocument(
    id=17,
    state=SyncState.RUNNING,
    revision=COMMIT,
    actor="Grace",
    trigger="revision 9b1d6f0a4c52",
    started_at=at(4),
    finished_at=None,
)
_ORGANIZATION: Final = OrganizationStateDocument(
    name="acme",
    revision=COMMIT,
    sync=SyncStatus.OUT_OF_SYNC,
    health=Health.PROGRESSING,
    message="2 changes planned",
    trigger="revision 9b1d6f0a4c52",
    at=at(3),
    looked_fully_at=at(3),
    duration_s=1.4,
    flows={"Healthy": 1, "Degraded": 1},
    unmanaged=3,
    plan_digest=DIGEST,
    warnings=[],
    drift=[
        SeenDriftDocument(
            flow="opening-hours",
            message="4.0 was published by Linus; recorded is 3.0",
            version="4.0",
            by="Linus",
            at=at(1),
        )
    ],
    held_back=[
        RefusalDocument(
            flow=None,
            code="not-confirmed",
            message="acme: sync.mode is manual, and nobody has approved this plan",
            hint="approve it",
        )
    ],
    at_work=_HOLDER,
    replica=_HOLDER,
    suspended=None,
    last_sync=_LAST_SYNC,
    running=_RUNNING,
)
_FLOW: Final = FlowStateDocument(
    flow="front-door",
    type="inboundcall",
    name="Front door",
    labels={"team": "care"},
    sync=SyncStatus.OUT_OF_SYNC,
    health=Health.PROGRESSING,
    wanted="sha256:" + "7c" * 32,
    recorded="7.0",
    version="8.0",
    flow_id=FLOW_ID,
    change="publish",
    locked_by=None,
    message="its content changed",
    at=at(5),
)
_CHANGE: Final = ChangeDocument(
    flow="front-door",
    type="inboundcall",
    name="Front door",
    flow_id=FLOW_ID,
    change=ChangeKind.PUBLISH,
    from_version="7.0",
    to_version=None,
    reason="its content changed",
    blocked=None,
    wave=1,
    depends_on=[],
    group=[],
    dependency_digest="sha256:" + "51" * 32,
    warnings=[],
)
_DRIFT: Final = OpenDriftDocument(
    flow="commonmodule/Opening hours",
    kind="version",
    expected="3.0",
    actual="4.0",
    message="4.0 was published by Linus; recorded is 3.0",
    since=at(1),
)
_PLAN: Final = OrganizationPlanDocument(
    name="acme",
    organization_id="0d5a6a2e-2b0b-4f3d-8a58-5b9a0f7d2c11",
    region="mypurecloud.ie",
    digest=DIGEST,
    summary={"create": 0, "publish": 1, "none": 1, "blocked": 0},
    changes=[_CHANGE],
    drift=[],
    unmanaged=3,
    cycles=[],
    suspended=[],
    under_way=[],
    held_back=[],
    warnings=[],
)
_NODES: Final = [
    GraphNodeDocument(
        key=f"{kind}/{name}",
        type=kind,
        name=name,
        version=version,
        status=None,
        health=health,
        managed=True,
        resource=False,
        presence=None,
    )
    for kind, name, version, health in (
        ("commonmodule", "Opening hours", "4.0", Health.HEALTHY),
        ("inboundcall", "Front door", "8.0", Health.PROGRESSING),
    )
]
_DIFFERENCE: Final = FlowDiffDocument(
    flow="front-door",
    type="inboundcall",
    name="Front door",
    from_=SideDocument(organization="acme", version="8.0", file=None),
    to=SideDocument(organization="acme", version=None, file="flows/front-door.yaml"),
    different=True,
    note=None,
    summary={"added": 0, "removed": 0, "moved": 0, "changed": 1},
    entries=[
        DifferenceDocument(
            kind=DiffKind.CHANGED,
            what="action 'Say' (playAudio)",
            where="task 'Welcome'",
            setting="audio.tts",
            before="Good morning",
            after="Welcome",
        )
    ],
)
_DOCUMENTS: Final = (
    OrganizationsDocument(organizations=[_ORGANIZATION]),
    OrganizationDocument(organization=_ORGANIZATION, summary=_PLAN.summary, actions=[ACTION]),
    FlowsDocument(organization="acme", total=1, limit=100, offset=0, flows=[_FLOW]),
    FlowDocument(
        organization="acme",
        flow=_FLOW,
        running=_RUNNING_FLOW,
        waiting=None,
        last_change=STEP,
        problems=[
            OpenProblemDocument(code="flow-locked", message="Linus has it open", hint="ask Linus to leave the flow")
        ],
        drift=[],
        change=_CHANGE,
    ),
    OpenDriftsDocument(organization="acme", drift=[_DRIFT]),
    RunningDocument(at=at(15), passes=[_RUNNING]),
    SyncsDocument(syncs=[SYNC], next=17),
    SyncDocument(sync=SYNC, summary={}, approved_by=["Ada"], total=2, limit=200, offset=0, steps=[STEP]),
    AuditLogDocument(entries=[ENTRY], more=True, next=9001),
    ActionDocument(action=ACTION),
    HistoryDocument(
        at=None,
        organizations=[
            OrganizationHistoryDocument(
                name="acme",
                observed_at=None,
                record="77aa00bb11cc22dd33ee44ff5500660077008800",
                flows=[
                    FlowHistoryDocument(
                        flow="front-door",
                        type="inboundcall",
                        name="Front door",
                        former_names=[],
                        id=FLOW_ID,
                        periods=[PERIOD],
                        note=None,
                    )
                ],
                notes=["the organisation was not asked: out-of-band changes since the last sighting are missing"],
                error=None,
            )
        ],
    ),
    PlanDocument(digest=DIGEST, revision=COMMIT, organizations=[_PLAN]),
    GraphDocument(
        nodes=_NODES,
        edges=[
            EdgeDocument(
                consumer=_NODES[1].key,
                consumed=_NODES[0].key,
                kind=EdgeKind.BINDS,
                label="",
                transition_id=None,
                condition=None,
                presence=None,
            )
        ],
        waves=[[_NODES[0].key], [_NODES[1].key]],
        cycles=[],
        orphans=[_NODES[1].key],
        missing=[
            UnansweredDocument(
                consumer=_NODES[1].key,
                name="Holidays",
                types=["commonmodule"],
                path="/inboundCall/tasks/0",
                resolution=Resolution.STATIC,
                presence=None,
            )
        ],
        unresolvable=[],
        organization="acme",
        from_="repository",
        warnings=[],
    ),
    DiffDocument(flows=[_DIFFERENCE]),
    ApprovalDocument(organization="acme", digest=DIGEST, by="Ada", at=at(12)),
    PromotionDocument(
        organization="acme", flow="front-door", type="inboundcall", name="Front door", version="8.0", by="Ada"
    ),
    SuspensionDocument(organization="acme", suspended=_SUSPENSION),
    ProblemDocument(
        title="Unprocessable Content",
        status=422,
        detail="the request is not valid: query.limit: Input should be less than or equal to 1000",
        code="request-invalid",
        hint="GET /api/v1/openapi.json describes all requests",
        mistakes=[InputMistakeDocument(place="query.limit", message="Input should be less than or equal to 1000")],
    ),
)
EXAMPLES: Final[dict[type, Any]] = {type(document): plain(document) for document in _DOCUMENTS}
"""By the class of each document that the API answers with."""
PROBLEMS: Final[dict[HTTPStatus, Any]] = {
    HTTPStatus.CONFLICT: plain(
        ProblemDocument(
            title="Conflict",
            status=409,
            detail=f"acme: sha256:{'11' * 32} is not the plan that holds now: the plan is {DIGEST}",
            code="plan-stale",
            hint="look at the plan again, and name its digest",
        )
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: EXAMPLES[ProblemDocument],
}
"""Of the problems with these statuses."""
