"""An organisation's listings of resources, served in the shapes of Genesys' Python SDK; nothing of ours is used."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import httpx

PATHS = {
    "contact-list": "/api/v2/outbound/contactlists",
    "data-action": "/api/v2/integrations/actions",
    "data-table": "/api/v2/flows/datatables",
    "division": "/api/v2/authorization/divisions",
    "emergency-group": "/api/v2/architect/emergencygroups",
    "flow-milestone": "/api/v2/flows/milestones",
    "flow-outcome": "/api/v2/flows/outcomes",
    "grammar": "/api/v2/architect/grammars",
    "group": "/api/v2/groups",
    "guide": "/api/v2/guides",
    "knowledge-base": "/api/v2/knowledge/knowledgebases",
    "language-skill": "/api/v2/routing/languages",
    "queue": "/api/v2/routing/queues",
    "schedule": "/api/v2/architect/schedules",
    "schedule-group": "/api/v2/architect/schedulegroups",
    "script": "/api/v2/scripts",
    "skill": "/api/v2/routing/skills",
    "survey-form": "/api/v2/quality/forms/surveys",
    "system-prompt": "/api/v2/architect/systemprompts",
    "user": "/api/v2/users",
    "user-prompt": "/api/v2/architect/prompts",
    "utilization-label": "/api/v2/routing/utilization/labels",
    "virtual-agent": "/api/v2/agentic/virtualagents",
    "wrap-up-code": "/api/v2/routing/wrapupcodes",
}
LISTINGS = {
    "contact-list": "ContactListEntityListing",
    "data-action": "ActionEntityListing",
    "data-table": "DataTablesDomainEntityListing",
    "division": "AuthzDivisionEntityListing",
    "emergency-group": "EmergencyGroupListing",
    "flow-milestone": "FlowMilestoneListing",
    "flow-outcome": "FlowOutcomeListing",
    "grammar": "GrammarListing",
    "group": "GroupEntityListing",
    "guide": "GuideEntityListing",
    "knowledge-base": "KnowledgeBaseListing",
    "language-skill": "LanguageEntityListing",
    "queue": "QueueEntityListing",
    "schedule": "ScheduleEntityListing",
    "schedule-group": "ScheduleGroupEntityListing",
    "script": "ScriptEntityListing",
    "skill": "SkillEntityListing",
    "survey-form": "SurveyFormEntityListing",
    "system-prompt": "SystemPromptEntityListing",
    "user": "UserEntityListing",
    "user-prompt": "PromptEntityListing",
    "utilization-label": "UtilizationLabelEntityListing",
    "virtual-agent": "AgenticVirtualAgentEntityListing",
    "wrap-up-code": "WrapupCodeEntityListing",
}
"""The SDK's model of each listing."""
_LARGEST = {"queue": 500}
"""The largest pages that are served, where not 100."""


@dataclass
class Resources:
    """What there is, by kind and name, and what a client asked for; a transport in front of another organisation.

    A kind that is in `refused` answers with that status.
    """

    behind: httpx.AsyncBaseTransport | None = None
    names: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in PATHS})
    columns: dict[str, list[str]] = field(default_factory=dict)
    languages: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    queries: list[dict[str, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers listings, and passes all else on."""
        kind = next((kind for kind, path in PATHS.items() if path == request.url.path), None)
        if kind is None or request.method != "GET":
            assert self.behind is not None
            return await self.behind.handle_async_request(request)
        self.calls[kind] += 1
        self.queries.append(dict(request.url.params))
        if kind in self.refused:
            body = {"status": self.refused[kind], "code": "refused", "message": "No."}
            return httpx.Response(self.refused[kind], json=body)
        return httpx.Response(200, content=json.dumps(self.page(kind, request.url.params)).encode())

    async def aclose(self) -> None:
        """Nothing is open."""

    def page(self, kind: str, query: httpx.QueryParams) -> dict[str, Any]:
        """One page of a kind, as the API answers it."""
        rows = [self.row(kind, name) for name in self.names[kind]]
        size = min(int(query.get("pageSize", "25")), _LARGEST.get(kind, 100))
        if kind == "knowledge-base":
            return self._by_cursor(rows, int(query.get("after", "0")), size)
        number = int(query.get("pageNumber", "1"))
        page = {
            "entities": rows[(number - 1) * size : number * size],
            "pageSize": size,
            "pageNumber": number,
            "total": len(rows),
            "pageCount": ceil(len(rows) / size),
        }
        return page if kind == "virtual-agent" else page | {"selfUri": f"{PATHS[kind]}?pageNumber={number}"}

    @staticmethod
    def _by_cursor(rows: list[dict[str, Any]], after: int, size: int) -> dict[str, Any]:
        path, end = PATHS["knowledge-base"], after + size
        more = {"nextUri": f"{path}?after={end}&pageSize={size}"} if end < len(rows) else {}
        return {"entities": rows[after:end], "selfUri": path, **more}

    def row(self, kind: str, name: str) -> dict[str, Any]:
        """One resource; a data action is named `category / action`."""
        row: dict[str, Any] = {"id": f"{kind}-{name}", "name": name, "selfUri": f"{PATHS[kind]}/1"}
        if kind == "data-action":
            category, _, action = name.partition(" / ")
            row |= {"name": action, "category": category, "integrationId": "i-1", "secure": "Secure" in action}
        if kind == "data-table":
            columns = {each: {"title": each, "type": "string"} for each in ("key", *self.columns.get(name, ()))}
            row["schema"] = {"type": "object", "properties": columns}
        if kind == "user-prompt":
            row["resources"] = [{"language": each, "promptId": row["id"]} for each in self.languages.get(name, ())]
        return row
