"""A server of the versioned dialect's deployment half, from the words of rows P and S and the table of endpoints.

`flows` holds what is really live.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil

from tests.conformance.door import CLIENT, Answer, Door, Json, RefusedError, Request, Route
from tests.conformance.flows import Flow, Publish, Version
from tests.conformance.mishaps import Kind
from tests.conformance.quirks import Quirks

_FLOW = "/api/v2/flows/(?P<flow>[^/]+)/versions/(?P<version>[^/]+)"
_ROUTED = "/api/v2/routing/flows/(?P<flow>[^/]+)"
_FINDINGS = [
    {"id": "e1", "message": "The queue Sales is missing", "severity": "error"},
    {"id": "w1", "message": "Queue wait is long", "severity": "warning"},
]


class Organization(Door):
    """One organisation."""

    def __init__(self, now: Callable[[], float], quirks: Quirks | None = None) -> None:
        super().__init__()
        self.now = now
        self.quirks = quirks or Quirks()
        self.flows: dict[str, Flow] = {}

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/api/v2/flows", self._list, ("flow:view",)),
            Route("GET", f"{_ROUTED}/versions", self._versions, ("routing:flow:read",)),
            Route("PUT", _ROUTED, self._switch, ("routing:flow:write",)),
            Route("GET", _FLOW, self._version, ("flow:version:read",)),
            Route("POST", f"{_FLOW}/validate", self._validate, ("flow:validate",)),
            Route("POST", f"{_FLOW}/publish", self._publish, ("flow:publish", "flow:write")),
            Route("GET", f"{_FLOW}/publishstatus", self._status, ("flow:read",)),
        )

    def add(self, flow: Flow) -> Flow:
        self.flows[flow.id] = flow
        return flow

    def flow(self, name: str) -> Flow:
        """The flow of this name, as it is now."""
        self.advance()
        return next(one for one in self.flows.values() if one.name == name)

    def advance(self) -> None:
        for flow in self.flows.values():
            flow.advance(self.quirks, self.now())

    def interfere(self, request: Request, kind: Kind) -> None:
        """What people do meanwhile with the flow that is called for, or the first one: its newest version goes live."""
        self.advance()
        named = (flow for flow in self.flows.values() if flow.id in request.path)
        flow = next(named, next(iter(self.flows.values())))
        if kind is Kind.CANCELLED:
            if flow.running:
                flow.running.errors = ["cancelled by an administrator"]
                flow.running.status = "cancelled"
        elif flow.live != flow.versions[-1].number:
            flow.by_hand(flow.versions[-1].number, self.now())

    # --- Reading ------------------------------------------------------------------------------------------------

    def _list(self, request: Request) -> Answer:
        """The last page is the short one; `listing_lag_s` behind."""
        size, page = request.number("pageSize", 25), request.number("pageNumber", 1)
        rows = [self._listed(flow) for flow in self.flows.values()]
        return Answer.of({"entities": rows[(page - 1) * size : page * size]})

    def _listed(self, flow: Flow) -> Json:
        number = flow.live_at(self.now() - self.quirks.listing_lag_s) or flow.versions[-1].number
        version = flow.numbered(number)
        return {
            "id": flow.id,
            "name": flow.name,
            "type": flow.type,
            "version": number,
            "metadata": {"status": version.status if number == flow.live else "deployed"},
            "definition": _definition(version),
        }

    def _versions(self, request: Request, flow: str) -> Answer:
        versions = self._flow(flow).versions
        rows = [{"id": one.id, "version": one.number, "status": one.status} for one in versions]
        rows = rows[::-1] if self.quirks.newest_first else rows
        if not self.quirks.versions_page:
            return Answer.of({"entities": rows})
        size = min(self.quirks.versions_page, request.number("pageSize", self.quirks.versions_page))
        page, pages = request.number("pageNumber", 1), ceil(len(rows) / size)
        told: Json = {"pageSize": size, "pageNumber": page, "total": len(rows), "pageCount": pages}
        if page < pages:
            told["nextUri"] = f"{request.path}?pageSize={size}&pageNumber={page + 1}"
        return Answer.of(told | {"entities": rows[(page - 1) * size : page * size]})

    def _version(self, _: Request, flow: str, version: str) -> Answer:
        found = self._flow_version(flow, version)[1]
        told = {"id": found.id, "version": found.number, "status": found.status}
        return Answer.of(told | {"definition": _definition(found)})

    def _validate(self, _: Request, flow: str, version: str) -> Answer:
        self._flow_version(flow, version)
        results = [] if self.quirks.validate == "ok" else _FINDINGS
        errors = sum(each["severity"] == "error" for each in results)
        warnings = sum(each["severity"] == "warning" for each in results)
        summary = {"totalErrors": errors, "totalWarnings": warnings, "isSuccessful": not errors}
        return Answer.of({"validationResults": results, "validationSummary": summary})

    def _status(self, _: Request, flow: str, version: str) -> Answer:
        found, chosen = self._flow_version(flow, version)
        publish = found.publishes.get(chosen.number)
        if publish is None or self.quirks.status_404 > 0:
            self.quirks.status_404 -= publish is not None
            raise RefusedError(404, f"version {chosen.number} was not asked to be published")
        told: Json = {
            "status": publish.status,
            "progressPercent": publish.percent,
            "currentStage": f"stage_{publish.stage}" if publish.stage else "preparing",
            "errors": publish.errors,
        }
        if self.quirks.eta:
            told["estimatedTimeRemainingSeconds"] = max(0, round(publish.began_at + self.quirks.publish_s - self.now()))
        return Answer.of(told)

    # --- Writing ------------------------------------------------------------------------------------------------

    def _publish(self, request: Request, flow: str, version: str) -> Answer:
        """Rows P2 and P8. A running publish is a conflict, save a staged rollout, which an unstaged publish ends."""
        found, chosen = self._flow_version(flow, version)
        rollout = _demanded(request.body)
        if self.quirks.publish_409 > 0:
            self.quirks.publish_409 -= 1
            raise RefusedError(409, "another publish of this flow is in progress")
        if chosen.status == "archived":
            raise RefusedError(400, f"version {chosen.number} is archived")
        running = found.running
        if running and running.stages and not rollout["staged"] and running.version != chosen.number:
            running.status, running.errors = "cancelled", [f"version {chosen.number} was published"]
            found.split = None
        elif running:
            raise RefusedError(409, "another publish of this flow is in progress")
        stages = [(one["percentage"], one["durationMinutes"]) for one in rollout["stages"]] if rollout["staged"] else []
        publish = Publish(f"pub-{len(self.calls)}", chosen.number, CLIENT, self.now(), stages)
        publish.how = "rollback" if request.body["metadata"]["releaseVersion"] == "rollback" else "publish"
        found.publishes[chosen.number] = publish
        told = {"status": "queued", "publishId": publish.id, "flowId": found.id, "versionId": chosen.id}
        return Answer.of(told, 202)

    def _switch(self, request: Request, flow: str) -> Answer:
        """Row S2: one atomic write, 409 while a deployment runs, already there is a success."""
        found, wanted = self._flow(flow), request.body.get("version")
        if self.quirks.put_409 > 0 or found.running:
            self.quirks.put_409 = max(0, self.quirks.put_409 - 1)
            raise RefusedError(409, "a deployment of this flow is active")
        version = found.version(str(wanted))
        if version is None:
            raise RefusedError(400, f"there is no version {wanted}")
        if version.status == "archived":
            raise RefusedError(400, f"version {version.number} is archived")
        if found.live != version.number and not self.quirks.put_silent:
            found.go_live(version.number, "switch", CLIENT, self.now())
        found.description = str(request.body.get("description", ""))
        return Answer.of(
            {
                "id": found.id,
                "name": found.name,
                "version": wanted,
                "description": found.description,
                "status": "published",
                "type": "routing",
                "selfUri": request.path,
            }
        )

    # --- Finding ------------------------------------------------------------------------------------------------

    def _flow(self, identifier: str) -> Flow:
        if identifier not in self.flows:
            raise RefusedError(404, f"there is no flow {identifier}")
        return self.flows[identifier]

    def _flow_version(self, flow: str, version: str) -> tuple[Flow, Version]:
        found = self._flow(flow)
        chosen = found.version(version)
        if chosen is None:
            raise RefusedError(404, f"flow {found.name} has no version with the id {version}")
        return found, chosen


def _definition(version: Version) -> Json:
    return {"nodes": {"start": {"type": "start", "name": f"Start of {version.number}"}}, "transitions": []}


def _demanded(body: Json) -> Json:
    """The rollout of a publish. Raises 400 for whatever of rows P2, P4 and P8 is missing."""
    rollout, metadata = body.get("rolloutConfig"), body.get("metadata")
    digest = str(body.get("dependencyValidationHash"))
    wrong = [
        name
        for name, good in {
            "publishType": body.get("publishType") == "standard",
            "metadata": isinstance(metadata, dict) and {"releaseVersion", "deployedBy"} <= set(metadata),
            "dependencyValidationHash": digest == "rollback-bypass-hash"
            or bool(re.fullmatch("sha256:[0-9a-f]{64}", digest)),
            "rolloutConfig": isinstance(rollout, dict) and isinstance(rollout.get("staged"), bool),
        }.items()
        if not good
    ]
    if wrong or not isinstance(rollout, dict):
        raise RefusedError(400, f"the publish lacks {', '.join(wrong)}")
    percentages = [one["percentage"] for one in rollout.get("stages", [])]
    if rollout["staged"] and (percentages != sorted(set(percentages)) or percentages[-1:] != [100]):
        raise RefusedError(400, "the percentages of the stages have to rise to 100")
    return rollout
