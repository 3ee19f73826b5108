"""The kinds of resources: where the API lists them, which permissions that needs, and what a resource shows.

Sources: paths, fields and filters of Genesys' Python SDK; permissions of Genesys' command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class NameFilter(StrEnum):
    """How the `name` of a query chooses resources. None of them regards case."""

    WILDCARD = "wildcard"
    """The whole name; `*` matches anything."""
    PREFIX = "prefix"
    PART = "part"
    NONE = "none"
    """There is no such filter."""


@dataclass(frozen=True, slots=True)
class SimulatedKind:
    name: str
    """A kebab-case noun, as in `ResourceReference.kind`."""
    uri: str
    right: str
    """Domain and entity of its permissions: `routing:queue`."""
    writes: str = ""
    """The methods that create, change and delete one."""
    dates: tuple[str, str] = ("", "")
    """The fields with the times of its creation and its last change; empty where there is none."""
    names: NameFilter = NameFilter.WILDCARD
    parent: str = ""
    """The field with the name of what it belongs to."""
    divided: bool = True
    """Whether it belongs to a division."""
    largest: int = 500
    """The most rows in a page."""
    cursor: bool = False
    """Whether pages follow a cursor instead of numbers."""
    shown: Mapping[str, object] = field(default_factory=dict)
    """Fields of every resource of this kind, where it has no value of its own."""

    def permission(self, action: str) -> tuple[str, ...]:
        """The permissions for `view`, `add`, `edit` or `delete`; one of them is enough."""
        if action == "view":
            return _VIEWS.get(self.name, (f"{self.right}:view",))
        return (_WRITES.get(self.name) or f"{self.right}:{action}",)


_VIEWS: Mapping[str, tuple[str, ...]] = {
    "data-action": ("integrations:action:view", "bridge:actions:view"),
    "division": (),
    "group": (),
    "language-skill": (),
    "user": (),
}
"""Permissions to view that do not follow from the kind's own; () where none is needed."""
_WRITES: Mapping[str, str] = {"skill": "routing:skill:manage", "language-skill": "routing:skill:manage"}
_ALERT = {"alertingTimeoutSeconds": 30, "serviceLevel": {"percentage": 0.8, "durationMs": 20_000}}
_QUEUE: Mapping[str, object] = {
    "description": "",
    "memberCount": 0,
    "userMemberCount": 0,
    "joinedMemberCount": 0,
    "mediaSettings": dict.fromkeys(("call", "callback", "chat", "email", "message"), _ALERT),
    "acwSettings": {"wrapupPrompt": "OPTIONAL"},
    "skillEvaluationMethod": "ALL",
    "autoAnswerOnly": True,
    "enableManualAssignment": False,
    "enableTranscription": False,
}
_ACTION: Mapping[str, object] = {"version": 1, "secure": False}
_INTEGRATION: Mapping[str, object] = {
    "intendedState": "ENABLED",
    "integrationType": {"id": "custom-rest-actions", "selfUri": "/api/v2/integrations/types/custom-rest-actions"},
    "reportedState": {"code": "ACTIVE", "effective": "Active"},
}
_SCHEDULE: Mapping[str, object] = {
    "version": 1,
    "state": "active",
    "start": "2020-01-01T09:00:00.000000",
    "end": "2020-01-01T17:00:00.000000",
    "rrule": "FREQ=DAILY;INTERVAL=1",
}
_SCHEDULE_GROUP: Mapping[str, object] = {"version": 1, "state": "active", "openSchedules": []}
_EMERGENCY: Mapping[str, object] = {"version": 1, "state": "active", "enabled": False, "emergencyCallFlows": []}
_ACTIVE: Mapping[str, object] = {"state": "active", "version": "1"}
_CONTACTS: Mapping[str, object] = {"version": 1, "columnNames": ["Phone"], "phoneColumns": []}
_KNOWLEDGE: Mapping[str, object] = {"coreLanguage": "en-US", "published": True, "faqCount": 0, "articleCount": 0}
_SURVEY: Mapping[str, object] = {"published": True, "disabled": False, "language": "en-US", "questionGroups": []}
_GROUP: Mapping[str, object] = {
    "state": "active",
    "type": "official",
    "visibility": "public",
    "memberCount": 0,
    "rulesVisible": True,
}
_USER: Mapping[str, object] = {"state": "active", "version": 1, "acdAutoAnswer": False}
_LATEST: Mapping[str, object] = {"status": "Published", "latestProductionReadyVersion": {"version": "1"}}
_CREATED, _MODIFIED = "dateCreated", "dateModified"
_BOTH = (_CREATED, _MODIFIED)
_CHANGED = ("", _MODIFIED)
_ALL = "POST PUT DELETE"
_NONE, _PART, _PREFIX = NameFilter.NONE, NameFilter.PART, NameFilter.PREFIX
_KINDS = (
    SimulatedKind("queue", "/api/v2/routing/queues", "routing:queue", _ALL, _BOTH, shown=_QUEUE),
    SimulatedKind(
        "integration",
        "/api/v2/integrations",
        "integrations:integration",
        names=_NONE,
        divided=False,
        shown=_INTEGRATION,
    ),
    SimulatedKind(
        "data-action",
        "/api/v2/integrations/actions",
        "integrations:action",
        "POST PATCH DELETE",
        names=_PART,
        parent="category",
        divided=False,
        shown=_ACTION,
    ),
    SimulatedKind("data-table", "/api/v2/flows/datatables", "architect:datatable", _ALL, shown={"description": ""}),
    SimulatedKind("user-prompt", "/api/v2/architect/prompts", "architect:userPrompt", _ALL, largest=100),
    SimulatedKind(
        "system-prompt", "/api/v2/architect/systemprompts", "architect:systemPrompt", divided=False, largest=100
    ),
    SimulatedKind("schedule", "/api/v2/architect/schedules", "routing:schedule", _ALL, _BOTH, shown=_SCHEDULE),
    SimulatedKind(
        "schedule-group",
        "/api/v2/architect/schedulegroups",
        "routing:scheduleGroup",
        _ALL,
        _BOTH,
        shown=_SCHEDULE_GROUP,
    ),
    SimulatedKind(
        "emergency-group", "/api/v2/architect/emergencygroups", "routing:emergencyGroup", _ALL, _BOTH, shown=_EMERGENCY
    ),
    SimulatedKind(
        "skill",
        "/api/v2/routing/skills",
        "routing:skill",
        "POST PATCH DELETE",
        _CHANGED,
        _PREFIX,
        divided=False,
        shown=_ACTIVE,
    ),
    SimulatedKind(
        "language-skill",
        "/api/v2/routing/languages",
        "routing:skill",
        "POST DELETE",
        _CHANGED,
        divided=False,
        shown=_ACTIVE,
    ),
    SimulatedKind("wrap-up-code", "/api/v2/routing/wrapupcodes", "routing:wrapupCode", _ALL, _BOTH),
    SimulatedKind("flow-outcome", "/api/v2/flows/outcomes", "architect:flowOutcome", "POST PUT"),
    SimulatedKind(
        "flow-milestone", "/api/v2/flows/milestones", "architect:flowMilestone", _ALL, shown={"description": ""}
    ),
    SimulatedKind(
        "script", "/api/v2/scripts", "scripter:script", "", ("createdDate", "modifiedDate"), _PART, largest=100
    ),
    SimulatedKind(
        "contact-list",
        "/api/v2/outbound/contactlists",
        "outbound:contactList",
        _ALL,
        _BOTH,
        largest=100,
        shown=_CONTACTS,
    ),
    SimulatedKind(
        "knowledge-base",
        "/api/v2/knowledge/knowledgebases",
        "knowledge:knowledgebase",
        "POST PATCH DELETE",
        _BOTH,
        _PART,
        divided=False,
        largest=100,
        cursor=True,
        shown=_KNOWLEDGE,
    ),
    SimulatedKind(
        "survey-form", "/api/v2/quality/forms/surveys", "quality:surveyForm", _ALL, ("", "modifiedDate"), shown=_SURVEY
    ),
    SimulatedKind("group", "/api/v2/groups", "directory:group", _ALL, _CHANGED, _NONE, divided=False, shown=_GROUP),
    SimulatedKind("user", "/api/v2/users", "directory:user", "POST PATCH DELETE", names=_NONE, shown=_USER),
    SimulatedKind(
        "division", "/api/v2/authorization/divisions", "authorization:division", _ALL, names=_PART, divided=False
    ),
    SimulatedKind(
        "response-library",
        "/api/v2/responsemanagement/libraries",
        "responses:library",
        _ALL,
        (_CREATED, ""),
        _NONE,
        shown={"version": 1},
    ),
    SimulatedKind(
        "response",
        "/api/v2/responsemanagement/responses",
        "responses:response",
        _ALL,
        (_CREATED, ""),
        _NONE,
        parent="library",
        divided=False,
        shown={"version": 1, "texts": []},
    ),
    SimulatedKind("guide", "/api/v2/guides", "aiStudio:guide", dates=_BOTH, divided=False, largest=100, shown=_LATEST),
    SimulatedKind(
        "virtual-agent",
        "/api/v2/agentic/virtualagents",
        "aiStudio:agenticVirtualAgent",
        dates=_BOTH,
        divided=False,
        largest=100,
        shown=_LATEST,
    ),
    SimulatedKind(
        "bot-connector", "/api/v2/textbots/bots/search", "integrations:integration", divided=False, largest=100
    ),
    SimulatedKind(
        "grammar",
        "/api/v2/architect/grammars",
        "architect:grammar",
        divided=False,
        shown={"description": "", "languages": []},
    ),
    SimulatedKind("utilization-label", "/api/v2/routing/utilization/labels", "routing:utilizationLabel", divided=False),
)
KINDS: Mapping[str, SimulatedKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The kinds by name. Worktypes, decision tables, speech engines are not here: no listing of the API shows them all."""
