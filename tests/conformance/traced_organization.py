"""A server of the versioned dialect's other half: definitions, traces and trace jobs.

Written from the words of rows D, T and J of the requirements and their table of endpoints, and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.conformance.door import Answer, Door, Json, RefusedError, Request, Route

_TRACES = "/api/v2/flows/debug/traces"
_TRACE = f"{_TRACES}/(?P<trace>[^/]+)"
STEPS_A_PAGE = 100


@dataclass(slots=True)
class Recorded:
    """What was recorded: set by tests; names that the other server of the dialect has too mean the same there."""

    flows: list[Json] = field(default_factory=list)
    """As they are listed, without a type."""
    versions: dict[str, list[Json]] = field(default_factory=dict)
    """By the flow's id, what its list of versions holds."""
    traces: dict[str, Json] = field(default_factory=dict)
    """By its id: `row`, its version's id as `fvid`, and `steps`."""
    location: str = "relative"
    """Where a job is said to be: `relative`, `absolute` or `other`, which names another host."""
    job_script: list[Json] = field(default_factory=list)
    """The answers of the first looks at a job: `http`, `body` and `headers`."""
    job_final: Json = field(default_factory=dict)
    """The answer of all later looks."""
    hook_status: int = 200


class TracedOrganization(Door):
    """An organisation that is asked, and changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded = Recorded()
        self.hooks: list[Request] = []
        self._looks: dict[str, int] = {}

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/api/v2/flows", self._list, ("flow:view",)),
            Route("GET", "/api/v2/routing/flows/(?P<flow>[^/]+)/versions", self._versions, ("routing:flow:read",)),
            Route("POST", f"{_TRACES}/query", self._query, ("flow:debug:read",)),
            Route("GET", _TRACE, self._trace, ("flow:debug:read",)),
            Route("GET", f"{_TRACE}/steps", self._steps, ("flow:debug:read",)),
            Route("POST", "/api/v2/flows/(?P<flow>[^/]+)/debug", self._debug, ("flow:debug",)),
            Route("GET", "/api/v2/jobs/(?P<job>[^/]+)", self._job, ("job:read",)),
        )

    def answer(self, request: Request) -> Answer | None:
        if request.path == "/hook":
            self.hooks.append(request)
            return Answer(self.recorded.hook_status)
        return super().answer(request)

    def _list(self, request: Request) -> Answer:
        """Row D2: pages of up to 1000, the last one is the short one."""
        size, page = request.number("pageSize", 25), request.number("pageNumber", 1)
        if size > 1000:
            raise RefusedError(400, "pageSize is too large")
        rows = self.recorded.flows[(page - 1) * size : page * size]
        if request.query.get("expand") != "definition":
            rows = [{name: value for name, value in row.items() if name != "definition"} for row in rows]
        return Answer.of({"entities": rows})

    def _versions(self, _: Request, flow: str) -> Answer:
        if flow not in self.recorded.versions:
            raise RefusedError(404, f"there is no flow {flow}")
        return Answer.of({"entities": self.recorded.versions[flow]})

    def _query(self, request: Request) -> Answer:
        """Row T1: the executions of one version, by the version's id; all where none is asked for."""
        asked = request.body
        missing = {"session_token", "start_date_time", "end_date_time"} - set(asked)
        if missing:
            raise RefusedError(400, f"the query lacks {', '.join(sorted(missing))}")
        version = asked.get("flow_version_id")
        rows = [trace["row"] for trace in self.recorded.traces.values() if version in (None, trace["fvid"])]
        return Answer.of({"entities": rows[: asked.get("page_size", 25)]})

    def _trace(self, _: Request, trace: str) -> Answer:
        return Answer.of(self._found(trace)["row"])

    def _steps(self, request: Request, trace: str) -> Answer:
        """Row T3: by cursor, 100 a page at the most, in order of time."""
        steps = self._found(trace)["steps"]
        start = int(request.query.get("nextPageToken") or 0)
        end = start + min(request.number("pageSize", STEPS_A_PAGE), STEPS_A_PAGE)
        following = {"nextPageToken": str(end)} if end < len(steps) else {}
        return Answer.of({"entities": steps[start:end], **following})

    def _found(self, trace: str) -> Json:
        if trace not in self.recorded.traces:
            raise RefusedError(404, "the trace is not known, archived or expired")
        return self.recorded.traces[trace]

    def _debug(self, request: Request, flow: str) -> Answer:
        """Row J1: 202, and the job's place in `Location`."""
        asked = request.body
        wanted = {"flowId", "actionInvocationId", "traceDepth", "contextDirectives", "enableAsync"}
        if wanted - set(asked) or asked["enableAsync"] is not True or asked["flowId"] != flow:
            raise RefusedError(400, "the body is not that of an asynchronous trace")
        job = f"job-{len(self._looks) + 1}"
        self._looks[job] = 0
        hosts = {"relative": "", "absolute": f"http://{request.headers['host']}", "other": "https://api.example.com"}
        return Answer(202, headers={"Location": f"{hosts[self.recorded.location]}/api/v2/jobs/{job}"})

    def _job(self, _: Request, job: str) -> Answer:
        if job not in self._looks:
            raise RefusedError(404, f"there is no job {job}")
        looks, script = self._looks[job], self.recorded.job_script
        self._looks[job] += 1
        if looks >= len(script):
            return Answer.of(self.recorded.job_final)
        told = Answer.of(script[looks].get("body", {"status": "in_progress"}), script[looks].get("http", 200))
        return Answer(told.status, told.body, {**told.headers, **script[looks].get("headers", {})})
