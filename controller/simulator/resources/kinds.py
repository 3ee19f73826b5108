"""The kinds of resources: where the API lists them, which permissions that needs, and what a resource shows.

Sources: paths, fields and filters of Genesys' Python SDK; permissions of Genesys' command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    path: str
    """Where it is listed, below `/api/v2`."""
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

    @property
    def uri(self) -> str:
        return f"/api/v2/{self.path}"

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
_CREATED, _MODIFIED = "dateCreated", "dateModified"
_BOTH = (_CREATED, _MODIFIED)
_CHANGED, _MADE, _NO = ("", _MODIFIED), (_CREATED, ""), ("", "")
_PUT, _PATCH = "POST PUT DELETE", "POST PATCH DELETE"
_NONE, _PART, _PREFIX = NameFilter.NONE, NameFilter.PART, NameFilter.PREFIX
_Kind = SimulatedKind
_KINDS = (
    _Kind("queue", "routing/queues", "routing:queue", _PUT, _BOTH),
    _Kind("integration", "integrations", "integrations:integration", names=_NONE, divided=False),
    _Kind("data-action", "integrations/actions", "integrations:action", _PATCH, _NO, _PART, "category", divided=False),
    _Kind("data-table", "flows/datatables", "architect:datatable", _PUT),
    _Kind("user-prompt", "architect/prompts", "architect:userPrompt", _PUT, largest=100),
    _Kind("system-prompt", "architect/systemprompts", "architect:systemPrompt", largest=100, divided=False),
    _Kind("schedule", "architect/schedules", "routing:schedule", _PUT, _BOTH),
    _Kind("schedule-group", "architect/schedulegroups", "routing:scheduleGroup", _PUT, _BOTH),
    _Kind("emergency-group", "architect/emergencygroups", "routing:emergencyGroup", _PUT, _BOTH),
    _Kind("skill", "routing/skills", "routing:skill", _PATCH, _CHANGED, _PREFIX, divided=False),
    _Kind("language-skill", "routing/languages", "routing:skill", "POST DELETE", _CHANGED, divided=False),
    _Kind("wrap-up-code", "routing/wrapupcodes", "routing:wrapupCode", _PUT, _BOTH),
    _Kind("flow-outcome", "flows/outcomes", "architect:flowOutcome", "POST PUT"),
    _Kind("flow-milestone", "flows/milestones", "architect:flowMilestone", _PUT),
    _Kind("script", "scripts", "scripter:script", "", ("createdDate", "modifiedDate"), _PART, largest=100),
    _Kind("contact-list", "outbound/contactlists", "outbound:contactList", _PUT, _BOTH, largest=100),
    _Kind(
        "knowledge-base",
        "knowledge/knowledgebases",
        "knowledge:knowledgebase",
        _PATCH,
        _BOTH,
        _PART,
        largest=100,
        divided=False,
        cursor=True,
    ),
    _Kind("survey-form", "quality/forms/surveys", "quality:surveyForm", _PUT, ("", "modifiedDate")),
    _Kind("group", "groups", "directory:group", _PUT, _CHANGED, _NONE, divided=False),
    _Kind("user", "users", "directory:user", _PATCH, names=_NONE),
    _Kind("division", "authorization/divisions", "authorization:division", _PUT, names=_PART, divided=False),
    _Kind("response-library", "responsemanagement/libraries", "responses:library", _PUT, _MADE, _NONE),
    _Kind(
        "response", "responsemanagement/responses", "responses:response", _PUT, _MADE, _NONE, "library", divided=False
    ),
    _Kind("guide", "guides", "aiStudio:guide", dates=_BOTH, largest=100, divided=False),
    _Kind(
        "virtual-agent", "agentic/virtualagents", "aiStudio:agenticVirtualAgent", "", _BOTH, largest=100, divided=False
    ),
    _Kind("bot-connector", "textbots/bots/search", "integrations:integration", largest=100, divided=False),
    _Kind("grammar", "architect/grammars", "architect:grammar", divided=False),
    _Kind("utilization-label", "routing/utilization/labels", "routing:utilizationLabel", divided=False),
)
KINDS: Mapping[str, SimulatedKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The kinds by name. Worktypes, decision tables, speech engines are not here: no listing of the API shows them all."""
