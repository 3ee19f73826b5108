"""Checks before the first sync whether the client can reach the organisation and has the needed permissions.

Only reads. A permission that only a write can prove is reported as unknown, never as granted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import NotFound, PermissionMissing
from controller.domain.identity import FlowKey
from controller.domain.ports import Platform
from controller.domain.recording import DISABLED, LogLevel
from controller.genesys.architect.account import TOKEN
from controller.genesys.architect.dependencies import OPERATIONAL, ArchitectIndex
from controller.genesys.architect.recording import ArchitectRecording
from controller.genesys.call import Answer, ApiCall
from controller.genesys.connect import transport_of
from controller.genesys.permissions import OPERATIONS, PERMISSIONS, permissions_needed
from controller.genesys.transport import SAME_TIME, Transport
from controller.genesys.wire.account import AuthorizedSubject, TokenInfo
from controller.genesys.wire.model import EntityRef


class CheckVerdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    name: str
    verdict: CheckVerdict
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """The result of all checks. None is a value that could not be determined."""

    dialect: str
    checks: tuple[Check, ...]
    organization: str | None = None
    missing_permissions: tuple[str, ...] = ()
    unproven_permissions: tuple[str, ...] = ()
    """Needed permissions that only a write could prove."""
    execution_data: bool | None = None
    """Whether executions are recorded; the versioned dialect does not report it."""
    log_level: str | None = None
    """The level of flows without one of their own."""
    rate_limit_per_minute: int | None = None
    clock_skew_s: float | None = None
    """How far the organisation's clock is ahead of ours."""
    dependency_index: str | None = None

    @property
    def ok(self) -> bool:
        """Whether no check failed; warnings and unknown results do not count."""
        return all(check.verdict is not CheckVerdict.FAILED for check in self.checks)


T = TypeVar("T")

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that no flow, job or trace has. Reading it distinguishes 404 from 403 and changes nothing."""
_FORBIDDEN = 403
"""A 403 also shows limits and time."""
_MOST_SKEW_S = 30.0
_GRANT = {
    ARCHITECT: "give the client a role with these permissions, in the divisions of the flows",
    VERSIONED: "grant the client these scopes, and list them where spec.credentials.scopes lists any",
}
_SUBJECT = ApiCall("GET", "/api/v2/authorization/subjects/me", query={"includeFullRoles": "true"})
_FLOWS = ApiCall("GET", "/api/v2/flows", query={"expand": "definition", "pageSize": 1, "pageNumber": 1})


async def preflight(
    platform: Platform, operations: Collection[str] = (), flows: Collection[FlowKey] = ()
) -> PreflightReport:
    """Check everything that the operations need, by default all operations of the dialect. Never raises an API error.

    Operations are the keys of `permissions.OPERATIONS`; an unknown one is a KeyError. `flows` are those with relevant
    log levels.
    """
    wanted = tuple(operations) or tuple(OPERATIONS[platform.dialect])
    needed = permissions_needed(platform.dialect, wanted)
    probe = _Probe(transport_of(platform), platform.dialect, wanted)
    first = await probe.reach()
    if first is None:
        return PreflightReport(platform.dialect, tuple(probe.checks), unproven_permissions=tuple(sorted(needed)))
    rate_limit, skew_s = probe.limit(first), probe.skew(first)
    missing, unproven = await probe.permissions(needed)
    is_architect = platform.dialect == ARCHITECT
    execution_data = await probe.execution_data() if is_architect else None
    log_level = await probe.log_level(flows) if is_architect and execution_data is not False else None
    return PreflightReport(
        dialect=platform.dialect,
        organization=probe.organization,
        missing_permissions=missing,
        unproven_permissions=unproven,
        execution_data=execution_data,
        log_level=log_level.level if log_level else None,
        rate_limit_per_minute=rate_limit,
        clock_skew_s=skew_s,
        dependency_index=await probe.index() if is_architect and "dependencies" in wanted else None,
        checks=tuple(probe.checks),
    )


class _Probe:
    """Makes one check after the other and notes the results."""

    def __init__(self, transport: Transport, dialect: str, operations: Collection[str]) -> None:
        self._transport = transport
        self._dialect = dialect
        self._operations = operations
        self.checks: list[Check] = []
        self.organization: str | None = None

    def note(self, name: str, verdict: CheckVerdict, message: str, hint: str | None = None) -> None:
        self.checks.append(Check(name, verdict, message, hint))

    async def reach(self) -> Answer | None:
        """Check the login and the API. Returns an answer with limits and time in its headers, or None."""
        token_organization: EntityRef | None = None
        try:
            call = TOKEN if self._dialect == ARCHITECT else _FLOWS
            answer = await self._transport.send(call, wanted={_FORBIDDEN})
            if self._dialect == ARCHITECT and answer.status != _FORBIDDEN:
                token_organization = self._transport.read(TOKEN, answer, TokenInfo).organization
        except PenstockError as error:
            self.note("login and API", CheckVerdict.FAILED, error.message, error.hint)
            return None
        self.note("login and API", CheckVerdict.OK, "the token is accepted")
        self._identify(token_organization)
        return answer

    def _identify(self, token_organization: EntityRef | None) -> None:
        """Note the organisation's identity, which determines leases and history."""
        self.organization = token_organization.label if token_organization is not None else None
        if token_organization is not None and token_organization.id is not None:
            self.note("identity", CheckVerdict.OK, f"{token_organization.label} ({token_organization.id})")
            return
        message = "the organisation's id is not told: it goes by address and client, so two clients count as two"
        hint = "give all manifests of this organisation the same client"
        if self._dialect == ARCHITECT:
            self.note("identity", CheckVerdict.WARNING, message, f"let the client read {TOKEN.route}, or {hint}")
        else:
            self.note("identity", CheckVerdict.UNKNOWN, message, hint)

    def limit(self, answer: Answer) -> int | None:
        """The request limit that the organisation reports."""
        text = answer.headers.get("inin-ratelimit-allowed", "")
        if not text.isdecimal():
            self.note("request limit", CheckVerdict.UNKNOWN, "the organisation does not tell its request limit")
            return None
        ours = min(self._transport.settings.rate_limit_per_minute, int(text))
        self.note("request limit", CheckVerdict.OK, f"{text} requests a minute; this client sends at most {ours}")
        return int(text)

    def skew(self, answer: Answer) -> float | None:
        """How far the organisation's clock is ahead of this machine's, in whole seconds."""
        there = answer.sent_at
        if there is None:
            self.note("clock", CheckVerdict.UNKNOWN, "the organisation does not tell its time")
            return None
        skew_s = float(round((there - self._transport.clock.now()).total_seconds()))
        if abs(skew_s) <= SAME_TIME.total_seconds():
            self.note("clock", CheckVerdict.OK, "the organisation's clock agrees with this machine's")
            return skew_s
        far = abs(skew_s) > _MOST_SKEW_S
        way = "ahead of" if skew_s > 0 else "behind"
        message = f"the organisation's clock is {abs(skew_s):.0f} s {way} this machine's"
        hint = "correct this machine's clock: windows, and traces of the last hours, go by it" if far else None
        self.note("clock", CheckVerdict.WARNING if far else CheckVerdict.OK, message, hint)
        return skew_s

    async def permissions(self, needed: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The missing and the unproven permissions, from the client's roles, else from harmless calls."""
        subject, unreadable = await self._subject() if self._dialect == ARCHITECT else (None, None)
        if subject is not None:
            missing = {permission for permission in needed if not subject.holds(permission)}
            unproven: set[str] = set()
        else:
            missing, unproven = await self._probed(needed)
        if missing:
            self.note(
                "permissions", CheckVerdict.FAILED, f"missing: {', '.join(sorted(missing))}", _GRANT[self._dialect]
            )
        elif len(unproven) < len(needed):
            share = f"{len(needed) - len(unproven)} of {len(needed)}" if unproven else f"all {len(needed)}"
            self.note("permissions", CheckVerdict.OK, f"{share} that are needed are there")
        if unproven:
            message = f"cannot be proven without writing: {', '.join(sorted(unproven))}"
            hint = "look for these among what the client was granted; a delivery that lacks one says so and stops"
            why = f"; the client's roles cannot be read: {unreadable}" if unreadable else ""
            self.note("permissions to write", CheckVerdict.UNKNOWN, message + why, hint)
        return tuple(sorted(missing)), tuple(sorted(unproven))

    async def _subject(self) -> tuple[AuthorizedSubject | None, str | None]:
        """The client with its roles, or why they cannot be read."""
        try:
            subject = await self._transport.fetch(_SUBJECT, AuthorizedSubject)
        except PenstockError as error:
            return None, error.message
        # Roles without their grants prove neither that a permission is present nor that it is missing.
        return (subject, None) if subject.tells else (None, None)

    async def _probed(self, needed: Collection[str]) -> tuple[set[str], set[str]]:
        """Test permissions with reads that only the tested permission can refuse. A 404 proves it as well as a 200."""
        missing: set[str] = set()
        proven: set[str] = set()
        calls = {name for operation in self._operations for name in OPERATIONS[self._dialect][operation]}
        for name in sorted(calls):
            permissions = PERMISSIONS[self._dialect][name]
            if not name.startswith("GET ") or set(permissions) <= proven | missing:
                continue
            if (allowed := await self._allowed(name)) is not None:
                (proven if allowed else missing).update(permissions)
        return missing - proven, set(needed) - proven - missing

    async def _allowed(self, name: str) -> bool | None:
        """Whether the read is allowed; None if that is unknown."""
        method, _, route = name.partition(" ")
        path = {part[1:-1]: NOBODY for part in route.split("/") if part.startswith("{")}
        query = _FLOWS.query if route == _FLOWS.route and self._dialect != ARCHITECT else {}
        try:
            await self._transport.send(ApiCall(method, route, path, query))
        except PermissionMissing:
            return False
        except NotFound:
            return True
        except PenstockError:
            return None
        return True

    async def execution_data(self) -> bool | None:
        """Whether the organisation keeps execution data, which error-rate gates and traces need."""
        enabled = await self._look("execution data", lambda: ArchitectRecording(self._transport).enabled())
        if enabled is False:
            hint = "penstock trace settings --execution-data on, then publish the flows again; or use http gates"
            self.note("execution data", CheckVerdict.WARNING, "is off: error-rate gates and traces see nothing", hint)
        elif enabled:
            self.note("execution data", CheckVerdict.OK, "is on")
        return enabled

    async def log_level(self, flows: Collection[FlowKey]) -> LogLevel | None:
        """The default log level; notes the flows that record nothing."""

        async def look() -> tuple[LogLevel, Mapping[FlowKey, LogLevel]]:
            settings = ArchitectRecording(self._transport)
            return await settings.default_level(), await settings.levels_by_key()

        found = await self._look("log level", look)
        if found is None:
            return None
        default, own = found
        silent = sorted(str(key) for key in flows if not own.get(key, default).records)
        if silent:
            message = f"{DISABLED} for {', '.join(silent)}: error-rate gates and traces see nothing of them"
            hint = "give them a level that records: penstock trace settings --flow FLOW --level Base"
            self.note("log level", CheckVerdict.WARNING, message, hint)
        else:
            left_out = f"; traces lack {', '.join(default.left_out)}" if default.left_out else ""
            self.note("log level", CheckVerdict.OK, f"{default.level} by default{left_out}")
        return default

    async def index(self) -> str | None:
        """The state of the dependency index."""
        state = await self._look("dependency index", lambda: ArchitectIndex(self._transport).state())
        if state == OPERATIONAL:
            self.note("dependency index", CheckVerdict.OK, state)
        elif state is not None:
            message = f"{state}: who consumes a flow is not certain, so nothing that was removed is taken out of use"
            hint = "wait until the index is built, or have it rebuilt: POST /api/v2/architect/dependencytracking/build"
            self.note("dependency index", CheckVerdict.WARNING, message, hint)
        return state

    async def _look(self, name: str, look: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await look()
        except PenstockError as error:
            message = error.message
            if isinstance(error, PermissionMissing):
                message = f"cannot be told without {error.permission or 'a permission'}"
            self.note(name, CheckVerdict.UNKNOWN, message, error.hint)
            return None
