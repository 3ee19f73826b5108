"""The kinds of resources that an organisation can list, one line each.

Paths, page sizes, parameters and fields: the models and the API classes of Genesys' Python SDK (269.0.0), and the pages
that Genesys' Terraform provider asks for. Permissions: those that Genesys' platform CLI prints for each endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.genesys.call import QueryValue


@dataclass(frozen=True, slots=True)
class ListedKind:
    """How one kind is listed and what of it is compared."""

    name: str
    """As in `ResourceReference.kind`."""
    route: str
    permission: str | None
    """What a client needs to list it; None where every client may."""
    page_size: int = 100
    query: Mapping[str, QueryValue] = field(default_factory=dict)
    prefix: str = ""
    """A field whose value belongs to the name (`category / action`)."""
    aliases: tuple[str, ...] = ()
    """Fields by which a flow may name it as well."""
    parts: str = ""
    """What of it is compared besides the name: `columns` of its schema, or `languages` of its resources."""

    @property
    def permissions(self) -> tuple[str, ...]:
        """All permissions that listing it needs."""
        return () if self.permission is None else (self.permission,)


_RESOURCES: Mapping[str, QueryValue] = {"includeResources": "true"}
_KINDS = (
    ListedKind("contact-list", "/api/v2/outbound/contactlists", "outbound:contactList:view"),
    ListedKind("data-action", "/api/v2/integrations/actions", "integrations:action:view", prefix="category"),
    ListedKind(
        "data-table",
        "/api/v2/flows/datatables",
        "architect:datatable:view",
        query={"expand": "schema"},
        parts="columns",
    ),
    ListedKind("division", "/api/v2/authorization/divisions", None),
    ListedKind("emergency-group", "/api/v2/architect/emergencygroups", "routing:emergencyGroup:view"),
    ListedKind("flow-milestone", "/api/v2/flows/milestones", "architect:flowMilestone:view"),
    ListedKind("flow-outcome", "/api/v2/flows/outcomes", "architect:flowOutcome:view"),
    ListedKind("grammar", "/api/v2/architect/grammars", "architect:grammar:view"),
    ListedKind("group", "/api/v2/groups", None),
    ListedKind("guide", "/api/v2/guides", "aiStudio:guide:view"),
    ListedKind("knowledge-base", "/api/v2/knowledge/knowledgebases", "knowledge:knowledgebase:view"),
    ListedKind("language-skill", "/api/v2/routing/languages", None),
    ListedKind("queue", "/api/v2/routing/queues", "routing:queue:view", page_size=500),
    ListedKind("schedule", "/api/v2/architect/schedules", "routing:schedule:view"),
    ListedKind("schedule-group", "/api/v2/architect/schedulegroups", "routing:scheduleGroup:view"),
    ListedKind("script", "/api/v2/scripts", "scripter:script:view"),
    ListedKind("skill", "/api/v2/routing/skills", "routing:skill:view"),
    ListedKind("survey-form", "/api/v2/quality/forms/surveys", "quality:surveyForm:view"),
    ListedKind("system-prompt", "/api/v2/architect/systemprompts", "architect:systemPrompt:view"),
    ListedKind("user", "/api/v2/users", None, aliases=("email", "username")),
    ListedKind(
        "user-prompt", "/api/v2/architect/prompts", "architect:userPrompt:view", query=_RESOURCES, parts="languages"
    ),
    ListedKind("utilization-label", "/api/v2/routing/utilization/labels", "routing:utilizationLabel:view"),
    ListedKind("virtual-agent", "/api/v2/agentic/virtualagents", "aiStudio:agenticVirtualAgent:view"),
    ListedKind("wrap-up-code", "/api/v2/routing/wrapupcodes", "routing:wrapupCode:view"),
)

RESOURCE_KINDS: Mapping[str, ListedKind] = {each.name: each for each in _KINDS}
"""By name. Other kinds have no listing, or one that this client does not know, and cannot be told."""
