"""The kinds of resources that an organisation can list, one line each.

Paths, page sizes, parameters and fields: the models and the API classes of Genesys' Python SDK (269.0.0), and the pages
that Genesys' Terraform provider asks for. Permissions: those that Genesys' platform CLI prints for each endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.genesys.call import QueryValue


@dataclass(frozen=True, slots=True)
class ResourceKind:
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
    ResourceKind("contact-list", "/api/v2/outbound/contactlists", "outbound:contactList:view"),
    ResourceKind("data-action", "/api/v2/integrations/actions", "integrations:action:view", prefix="category"),
    ResourceKind(
        "data-table",
        "/api/v2/flows/datatables",
        "architect:datatable:view",
        query={"expand": "schema"},
        parts="columns",
    ),
    ResourceKind("division", "/api/v2/authorization/divisions", None),
    ResourceKind("emergency-group", "/api/v2/architect/emergencygroups", "routing:emergencyGroup:view"),
    ResourceKind("flow-milestone", "/api/v2/flows/milestones", "architect:flowMilestone:view"),
    ResourceKind("flow-outcome", "/api/v2/flows/outcomes", "architect:flowOutcome:view"),
    ResourceKind("grammar", "/api/v2/architect/grammars", "architect:grammar:view"),
    ResourceKind("group", "/api/v2/groups", None),
    ResourceKind("guide", "/api/v2/guides", "aiStudio:guide:view"),
    ResourceKind("knowledge-base", "/api/v2/knowledge/knowledgebases", "knowledge:knowledgebase:view"),
    ResourceKind("language-skill", "/api/v2/routing/languages", None),
    ResourceKind("queue", "/api/v2/routing/queues", "routing:queue:view", page_size=500),
    ResourceKind("schedule", "/api/v2/architect/schedules", "routing:schedule:view"),
    ResourceKind("schedule-group", "/api/v2/architect/schedulegroups", "routing:scheduleGroup:view"),
    ResourceKind("script", "/api/v2/scripts", "scripter:script:view"),
    ResourceKind("skill", "/api/v2/routing/skills", "routing:skill:view"),
    ResourceKind("survey-form", "/api/v2/quality/forms/surveys", "quality:surveyForm:view"),
    ResourceKind("system-prompt", "/api/v2/architect/systemprompts", "architect:systemPrompt:view"),
    ResourceKind("user", "/api/v2/users", None, aliases=("email", "username")),
    ResourceKind(
        "user-prompt", "/api/v2/architect/prompts", "architect:userPrompt:view", query=_RESOURCES, parts="languages"
    ),
    ResourceKind("utilization-label", "/api/v2/routing/utilization/labels", "routing:utilizationLabel:view"),
    ResourceKind("virtual-agent", "/api/v2/agentic/virtualagents", "aiStudio:agenticVirtualAgent:view"),
    ResourceKind("wrap-up-code", "/api/v2/routing/wrapupcodes", "routing:wrapupCode:view"),
)

RESOURCE_KINDS: Mapping[str, ResourceKind] = {each.name: each for each in _KINDS}
"""By name. Other kinds have no listing, or one that this client does not know, and cannot be told."""
