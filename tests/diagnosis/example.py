"""The executions that docs/reference/traces.md shows."""

from __future__ import annotations

from datetime import UTC, datetime

from controller.diagnosis.action.model import ActionTraceResult
from tests.diagnosis.traces import at, event, execution, write

EXECUTION = execution(
    event(
        "startedFlow",
        0,
        variables=[
            write("Flow.Version", "13.0"),
            write("Flow.Language", "en-us"),
            write("Call.ANI", "+353 1 555 0100"),
        ],
    ),
    event("startedTask", 0.1, executionId="e1", taskName="Starting Task", variables=[write("Task.Attempts", 0)]),
    event(
        "actionUpdateData",
        0.25,
        actionName="Remember the caller",
        executionId="e2",
        statements=[
            write("Task.Destination", "Support"),
            write("Task.CallerPin", "481516"),
            write("Task.Attempts", 1),
        ],
    ),
    event("actionEvaluateScheduleGroup", 0.4, actionName="Open today?", executionId="e3", outputPathId="__OPEN__"),
    event("actionDecision", 0.9, actionName="Known customer?", executionId="e4", outputPathId="__YES__"),
    event(
        "actionCallCommonModule",
        1.2,
        actionName="Main menu",
        executionId="e5",
        inputData={"commonModule": {"flowId": "f9", "flowName": "Menu", "flowVersion": "8.0"}},
        execution=[
            event("startedCommonModule", 1.3, variables=[write("Common.Prompt", "Menu_v8")]),
            event(
                "actionCollectInput",
                1.5,
                actionName="Press a key",
                executionId="e6",
                outputVariables=[write("Common.Choice", "3")],
            ),
            event("endedCommonModule", 6.2),
        ],
        outputVariables=[write("Task.Choice", "3")],
    ),
    event(
        "actionCallData",
        6.4,
        actionName="Look up open orders",
        executionId="e7",
        outputPathId="__TIMEOUT__",
        outputPathName="Timeout",
        errors=[{"reason": "data action timed out", "message": "GET /orders did not answer in 10 s"}],
    ),
    event("actionDecision", 16.5, actionName="Orders found?", executionId="e8", inputData={"condition": None}),
    event(
        "startedTask",
        16.9,
        executionId="e9",
        taskName="Queue",
        variables=[write("Flow.Language", "fr-fr"), write("Task.Priority", 5)],
    ),
    event("actionTransferToAcd", 17.2, actionName="Transfer to Support", executionId="e10", outputPathId="__SUCCESS__"),
    event("endedFlow", 20.1, flowExitReason="TRANSFER"),
    executionId="b1946ac9-2492",
    conversationId="7d0b3e0a-51f3-4c0e",
    endDateTime=at(20.2),
)


def _node(name: str, parent: str | None, start: float, end: float, **more: str) -> dict[str, object]:
    times = {"startTime": at(start), "endTime": at(end)}
    return {"nodeId": name, "parentId": parent, "status": "completed", **times, **more}


ACTION = ActionTraceResult(
    flow_id="4c2f-main-ivr",
    action_invocation_id="look-up-orders",
    job_id="job-17",
    status="completed",
    steps=[
        _node("validate-input", None, 0, 0.4),
        _node("load-profile", "validate-input", 0.4, 2.1),
        _node("crm-lookup", "load-profile", 0.7, 1.9),
        _node("fetch-orders", "validate-input", 0.4, 6.8),
        _node("orders-api", "fetch-orders", 0.9, 6.2, status="failed", errorMessage="503, answered by the cache"),
        _node("score", "fetch-orders", 7.4, 8.3),
        _node("notify", "load-profile", 2.1, 2.6),
        _node("audit", "score", 8.3, 8.5),
        {"nodeId": "metrics", "parentId": "score", "status": "completed"},
    ],
    retrieval_latency_ms=4210.0,
    finished_at=datetime(2026, 8, 10, 14, 5, tzinfo=UTC),
)
