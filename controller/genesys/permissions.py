"""The permissions of each call and the calls of each operation.

Sources: the permissions that Genesys' platform CLI prints for each endpoint (architect), and the scopes in the table of
version endpoints (versioned). OAuth scopes do not apply to client credentials in the architect dialect; the client's
roles do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.genesys.architect.resource_kinds import RESOURCE_KINDS

_VIEW = ("architect:flow:view",)
_FLOW = "/api/v2/flows/{flowId}"
_INSTANCES = "/api/v2/flows/instances"
_RECORDING = f"{_INSTANCES}/settings"
_TRACKING = "/api/v2/architect/dependencytracking"
_VERSION = "/api/v2/flows/{flowId}/versions/{versionId}"
_TRACES = "/api/v2/flows/debug/traces"

PERMISSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    ARCHITECT: {
        "GET /api/v2/tokens/me": (),
        "GET /api/v2/flows": _VIEW,
        "GET /api/v2/flows/lookup": _VIEW,
        f"GET {_FLOW}": _VIEW,
        f"POST {_FLOW}/history": _VIEW,
        f"GET {_FLOW}/history/{{historyId}}": _VIEW,
        f"GET {_FLOW}/versions": _VIEW,
        f"GET {_FLOW}/versions/{{versionId}}/configuration": _VIEW,
        f"DELETE {_FLOW}": ("architect:flow:delete",),
        "POST /api/v2/flows/actions/publish": ("architect:flow:publish", "architect:flow:unlock"),
        "POST /api/v2/flows/actions/deactivate": ("architect:flow:publish",),
        "POST /api/v2/flows/actions/unlock": ("architect:flow:unlock",),
        "POST /api/v2/flows/jobs": (
            "architect:job:create",
            "architect:flow:add",
            "architect:flow:edit",
            "architect:flow:publish",
        ),
        "GET /api/v2/flows/jobs/{jobId}": ("architect:job:view",),
        "POST /api/v2/flows/export/jobs": ("architect:jobExport:create",),
        "GET /api/v2/flows/export/jobs/{jobId}": ("architect:jobExport:view",),
        "POST /api/v2/flows/validate/jobs": ("architect:jobValidate:create",),
        "GET /api/v2/flows/validate/jobs/{jobId}": ("architect:jobValidate:view",),
        f"GET {_TRACKING}/build": ("architect:dependencyTracking:view",),
        f"GET {_TRACKING}/consumingresources": ("architect:dependencyTracking:view",),
        f"POST {_INSTANCES}/query": ("architect:flowInstance:search",),
        f"POST {_INSTANCES}/jobs": ("architect:flowInstance:view",),
        f"GET {_INSTANCES}/{{instanceId}}": ("architect:flowInstance:view",),
        f"GET {_INSTANCES}/jobs/{{jobId}}": ("architect:flowInstance:view",),
        f"GET {_RECORDING}/executiondata": ("architect:flowinstanceexecutiondata:view",),
        f"PATCH {_RECORDING}/executiondata": ("architect:flowinstanceexecutiondata:edit",),
        f"GET {_RECORDING}/loglevels": ("architect:flowLogLevel:view",),
        f"GET {_RECORDING}/loglevels/default": ("architect:flowLogLevelDefault:view",),
        f"PUT {_RECORDING}/loglevels/default": ("architect:flowLogLevelDefault:edit",),
        f"GET {_FLOW}/instances/settings/loglevels": ("architect:flowLogLevel:view",),
        f"POST {_FLOW}/instances/settings/loglevels": ("architect:flowLogLevel:add",),
        f"PUT {_FLOW}/instances/settings/loglevels": ("architect:flowLogLevel:edit",),
        f"DELETE {_FLOW}/instances/settings/loglevels": ("architect:flowLogLevel:delete",),
        "POST /api/v2/flows/executions": ("architect:flow:launch",),
        "GET /api/v2/flows/executions/{flowExecutionId}": ("architect:flowExecution:view",),
        "POST /api/v2/notifications/channels": (),
        "PUT /api/v2/notifications/channels/{channelId}/subscriptions": _VIEW,
        "GET /api/v2/authorization/divisionspermitted/paged/me": (),
        **{f"GET {kind.route}": kind.permissions for kind in RESOURCE_KINDS.values()},
    },
    VERSIONED: {
        "GET /api/v2/flows": ("flow:view",),
        "GET /api/v2/routing/flows/{flowId}/versions": ("routing:flow:read",),
        f"GET {_VERSION}": ("flow:version:read",),
        f"POST {_VERSION}/validate": ("flow:validate",),
        f"POST {_VERSION}/publish": ("flow:publish", "flow:write"),
        f"GET {_VERSION}/publishstatus": ("flow:read",),
        "PUT /api/v2/routing/flows/{flowId}": ("routing:flow:write",),
        f"POST {_TRACES}/query": ("flow:debug:read",),
        f"GET {_TRACES}/{{traceId}}": ("flow:debug:read",),
        f"GET {_TRACES}/{{traceId}}/steps": ("flow:debug:read",),
        "POST /api/v2/flows/{flowId}/debug": ("flow:debug",),
        "GET /api/v2/jobs/{jobId}": ("job:read",),
    },
}
"""By dialect and call: all permissions that it needs."""

OPERATIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    ARCHITECT: {
        "identify": ("GET /api/v2/tokens/me",),
        "observe": ("GET /api/v2/flows", "GET /api/v2/flows/lookup", f"GET {_FLOW}"),
        "history": (f"POST {_FLOW}/history", f"GET {_FLOW}/history/{{historyId}}"),
        "versions": (f"GET {_FLOW}/versions",),
        "references": (f"GET {_FLOW}/versions/{{versionId}}/configuration",),
        "validate": ("POST /api/v2/flows/validate/jobs", "GET /api/v2/flows/validate/jobs/{jobId}"),
        "upload": ("POST /api/v2/flows/jobs", "GET /api/v2/flows/jobs/{jobId}"),
        "publish": ("POST /api/v2/flows/actions/publish", f"GET {_FLOW}"),
        "switch": ("POST /api/v2/flows/actions/publish", f"GET {_FLOW}"),
        "export": (
            "POST /api/v2/flows/export/jobs",
            "GET /api/v2/flows/export/jobs/{jobId}",
            f"GET {_FLOW}/versions/{{versionId}}/configuration",
        ),
        "unlock": ("POST /api/v2/flows/actions/unlock",),
        "unpublish": ("POST /api/v2/flows/actions/deactivate",),
        "delete": (f"DELETE {_FLOW}",),
        "executions": (f"POST {_INSTANCES}/query",),
        "execution-data": (
            f"GET {_INSTANCES}/{{instanceId}}",
            f"POST {_INSTANCES}/jobs",
            f"GET {_INSTANCES}/jobs/{{jobId}}",
        ),
        "recording": (
            f"GET {_RECORDING}/executiondata",
            f"GET {_RECORDING}/loglevels/default",
            f"GET {_RECORDING}/loglevels",
            f"GET {_FLOW}/instances/settings/loglevels",
        ),
        "change-recording": (
            f"PATCH {_RECORDING}/executiondata",
            f"PUT {_RECORDING}/loglevels/default",
            f"POST {_FLOW}/instances/settings/loglevels",
            f"PUT {_FLOW}/instances/settings/loglevels",
            f"DELETE {_FLOW}/instances/settings/loglevels",
        ),
        "launch": ("POST /api/v2/flows/executions", "GET /api/v2/flows/executions/{flowExecutionId}"),
        "dependencies": (f"GET {_TRACKING}/build", f"GET {_TRACKING}/consumingresources"),
        "notifications": (
            "POST /api/v2/notifications/channels",
            "PUT /api/v2/notifications/channels/{channelId}/subscriptions",
        ),
    },
    VERSIONED: {
        "observe": ("GET /api/v2/flows", "GET /api/v2/routing/flows/{flowId}/versions"),
        "versions": ("GET /api/v2/routing/flows/{flowId}/versions",),
        "references": (f"GET {_VERSION}",),
        "validate": (f"POST {_VERSION}/validate",),
        "publish": (f"POST {_VERSION}/publish", f"GET {_VERSION}/publishstatus"),
        "switch": ("PUT /api/v2/routing/flows/{flowId}",),
        "export": (f"GET {_VERSION}",),
        "executions": (f"POST {_TRACES}/query",),
        "traces": (f"POST {_TRACES}/query", f"GET {_TRACES}/{{traceId}}", f"GET {_TRACES}/{{traceId}}/steps"),
        "debug": ("POST /api/v2/flows/{flowId}/debug", "GET /api/v2/jobs/{jobId}"),
    },
}
"""By dialect and operation: the calls that it makes."""


def permissions_needed(dialect: str, operations: Iterable[str]) -> frozenset[str]:
    """All permissions (versioned: scopes) for the given operations. Raises KeyError for an unknown one."""
    calls = OPERATIONS[dialect]
    return frozenset(
        permission for operation in operations for call in calls[operation] for permission in PERMISSIONS[dialect][call]
    )


def needed_by(call: str, dialect: str | None = None) -> tuple[str, ...]:
    """The permissions of one call, such as `GET /api/v2/flows`; empty if the table does not contain it."""
    dialects = (dialect,) if dialect else (ARCHITECT, VERSIONED)
    return next((PERMISSIONS[name][call] for name in dialects if call in PERMISSIONS[name]), ())
