"""The error tree. The branch says what the loop does next; the fields say why and what to do.

Each leaf carries a kebab-case `code` that is a heading in docs/reference/errors.md. Raise errors `from` their cause.
Messages name the file, flow or request, and give the numbers. Registered secrets are masked in them.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from controller.domain.desired import Origin
from controller.domain.redaction import SECRETS
from controller.domain.wording import counted

BY_THE_SERVICE = "; the service does so by itself"
"""The end of a hint for what a pass does; nobody but a person repeats a question."""


class PenstockError(Exception):
    """The root of everything that Penstock raises on purpose."""

    code: ClassVar[str] = "error"
    usual_hint: ClassVar[str | None] = None
    """The way out where whoever raises it knows no better one."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = SECRETS.text(message)
        self.hint = self.usual_hint if hint is None else SECRETS.text(hint)
        super().__init__(self.message)

    def only_asked(self) -> None:
        """What failed was a person's question, which no service asks again: the hint does not promise it."""
        self.hint = self.hint.removesuffix(BY_THE_SERVICE) if self.hint else None


# The names follow the states that they lead to, not the -Error habit.
# ruff: noqa: N818

# --- The branches -------------------------------------------------------------------------------------------------


class Invalid(PenstockError):
    """A person must commit something; nothing is retried until git changes."""


class Refused(PenstockError):
    """Safety, policy or a stale plan says no; the hint tells how to lift it."""


class Waiting(PenstockError):
    """Not now: try again after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Transient(PenstockError):
    """A fault that passes; retried with backoff, for ever in the service."""


class Permanent(PenstockError):
    """Trying again the same way cannot help."""


# --- Invalid ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a file of the repository."""

    origin: Origin
    message: str
    code: str = "manifest-invalid"
    hint: str | None = None

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.origin}: {self.message}{tail}"


class ManifestInvalid(Invalid):
    """The repository's manifests have mistakes; all of them are in `mistakes`, in file order."""

    code = "manifest-invalid"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        files = len({mistake.origin.file for mistake in mistakes})
        count = f"{counted(len(mistakes), 'mistake')} in {counted(files, 'file')}"
        super().__init__(f"{count}:\n" + "\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class FlowFileInvalid(Invalid):
    """A flow file cannot be read: `line` and `column` count from 1."""

    code = "flow-file-invalid"

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class RepositoryTooLarge(Invalid):
    """The repository has more files, deeper folders or more bytes than are read."""

    code = "repository-too-large"


class SettingsInvalid(Invalid):
    """The operator's settings (environment, options) are wrong or a credential is missing."""

    code = "settings-invalid"


class CapabilityMissing(Invalid):
    """The manifest asks for something that its dialect cannot do."""

    code = "capability-missing"


class FlowRejected(Invalid):
    """The organisation's validation or publish found errors in the flow's content."""

    code = "flow-rejected"


class TraceRequestInvalid(Invalid):
    """A trace was asked for outside what the organisation keeps, or in a way that it would refuse."""

    code = "trace-request-invalid"


# --- Refused ------------------------------------------------------------------------------------------------------


class PlanStale(Refused):
    """Something moved between planning and applying."""

    code = "plan-stale"


class SafetyLimit(Refused):
    """The plan would change or delete more than the manifest allows."""

    code = "safety-limit"


class HostNotAllowed(Refused):
    """Credentials would go to a host that is neither a Genesys domain nor on the operator's list."""

    code = "host-not-allowed"


class CredentialNotAllowed(Refused):
    """A manifest names a variable or a file that the operator does not allow for credentials."""

    code = "credential-not-allowed"


class DirtyTree(Refused):
    """The working tree has uncommitted changes."""

    code = "dirty-tree"


class Unpushed(Refused):
    """The commit is not in the branch that is followed, so nobody else has it, or it was not merged."""

    code = "unpushed"


class NotConfirmed(Refused):
    """A destructive or manual step needs a person's word."""

    code = "not-confirmed"


class SyncSuspended(Refused):
    """The organisation or its sync mode does not let anything be changed."""

    code = "sync-suspended"


class LeaseLost(Refused):
    """Another controller took over the organisation; this one must stop before its next call."""

    code = "lease-lost"


class DeliveryUnfinished(Refused):
    """A delivery under this name to another organisation, or to this one under another name, has to be ended first."""

    code = "delivery-unfinished"


class AmbiguousFlow(Refused):
    """Several flows in the organisation carry the same type and name."""

    code = "ambiguous-flow"


class OutOfBandChange(Refused):
    """Somebody published another version over the one that a delivery had just made live; it is left alone."""

    code = "out-of-band-change"

    def __init__(self, message: str, *, version: str, found: str | None, hint: str | None = None) -> None:
        """`version` is what the delivery had made live, `found` what is live instead."""
        super().__init__(message, hint=hint)
        self.version = version
        self.found = found


class NoSuchVersion(Refused):
    """The version is not there, or its status does not allow publishing it."""

    code = "no-such-version"


class VersionArchived(NoSuchVersion):
    """The version is archived, so that it cannot be made live."""

    code = "version-archived"


class AmbiguousVersion(NoSuchVersion):
    """The pin is the number of one version and the id of another."""

    code = "ambiguous-version"


# --- Waiting ------------------------------------------------------------------------------------------------------


class RateLimited(Waiting):
    """The organisation's or the token endpoint's request limit is used up."""

    code = "rate-limited"
    usual_hint = "wait; another program may use the same client"

    def __init__(self, message: str, *, retry_after_s: float, backs_off: bool = False, hint: str | None = None) -> None:
        """`backs_off` is whether each further wait is to be longer, because the organisation told of none."""
        super().__init__(message, retry_after_s=retry_after_s, hint=hint)
        self.backs_off = backs_off


class FlowLocked(Waiting):
    """A person or another client holds the flow."""

    code = "flow-locked"

    def __init__(
        self, message: str, *, holder: str | None = None, retry_after_s: float = 15.0, hint: str | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, hint=hint)
        self.holder = holder


class LeaseHeld(Waiting):
    """Another controller is at work on the organisation."""

    code = "lease-held"


class WindowClosed(Waiting):
    """The manifest's windows do not allow a change now."""

    code = "window-closed"


class DeliveryPaused(Waiting):
    """A gate could not decide about a version that is live, and a person has to."""

    code = "delivery-paused"


# --- Transient ----------------------------------------------------------------------------------------------------


class Unreachable(Transient):
    """The organisation could not be reached, or the connection broke before anything was sent."""

    code = "unreachable"
    usual_hint = "check the address and the network, then run it again" + BY_THE_SERVICE


class ServerFault(Transient):
    """The organisation answered 5xx, or something that is no answer of its API."""

    code = "server-fault"
    usual_hint = "run it again in a while" + BY_THE_SERVICE

    def __init__(self, message: str, *, retry_after_s: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        """How long the organisation asks to wait; None where it does not say."""


UNCERTAIN = "; the write may or may not have taken effect"
"""How the message of a lost answer ends, until somebody has looked."""


class AnswerLost(Transient):
    """A write was sent and its answer never came: it may or may not have taken effect. Read, never repeat blindly."""

    code = "answer-lost"
    usual_hint = "run it again: it looks first whether the call took effect"


class BadAnswer(Transient):
    """The organisation's answer does not have the shape that its API promises: it says nothing about what was asked."""

    code = "bad-answer"
    usual_hint = "run it again; where it stays, look for a proxy that changes answers, or for a change of the API"

    def __init__(self, message: str, *, again: bool = False, hint: str | None = None) -> None:
        """`again` is whether another try may bring a better answer, and does no harm."""
        super().__init__(message, hint=hint)
        self.again = again


class LiveUndetermined(Transient):
    """The organisation's answers contradict each other about what is live: nothing is concluded from either."""

    code = "live-undetermined"
    usual_hint = "it is read again in the next pass; where it stays, look at the flow in Architect"


class CircuitOpen(Transient):
    """Too many faults in a row: calls fail at once until a probe succeeds."""

    code = "circuit-open"
    usual_hint = "run it again once the organisation answers" + BY_THE_SERVICE


class Interrupted(Transient):
    """The process was told to stop before it came to a delivery; nothing new was begun."""

    code = "interrupted"


class GitRemoteFailed(Transient):
    """The git remote could not be fetched from or pushed to."""

    code = "git-remote-failed"
    usual_hint = "check the remote and its credentials, then run it again; what could not be pushed is kept"


class BranchGone(GitRemoteFailed):
    """A branch that deliveries need is not on the remote (any more); nothing is written until it is."""

    code = "branch-gone"

    def __init__(self, message: str, *, was_there: bool = True, hint: str | None = None) -> None:
        """`was_there` is whether it was seen before; else the remote may be new."""
        super().__init__(message, hint=hint)
        self.was_there = was_there


class StoreFailed(Transient):
    """The store (SQLite or PostgreSQL) did not answer."""

    code = "store-failed"
    usual_hint = "see that the store of PENSTOCK_STORE answers, then run it again; it goes on from the journal"


class ResourcesExhausted(Transient):
    """The machine had no process, no open file or no memory left for what was to be done."""

    code = "resources-exhausted"
    usual_hint = "raise the limits of open files, processes or memory; the service tries again by itself"


class InternalFault(Transient):
    """Something failed in a way that nobody foresaw, and what it was done for could not be done."""

    code = "internal-fault"
    usual_hint = "look at the log of this moment and report it; the service tries again by itself"


_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


def out_of_resources(error: Exception, what: str) -> ResourcesExhausted | None:
    """The error as a lack of files, processes or memory; None where it is none."""
    if isinstance(error, MemoryError):
        return ResourcesExhausted(f"{what}: no memory is left")
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return ResourcesExhausted(f"{what}: {error.strerror or 'no resources are left'}")
    return None


def as_fault(error: Exception, what: str) -> PenstockError:
    """Any error as one of this tree; `what` names what failed. Text of an error that nobody foresaw is left out."""
    if isinstance(error, PenstockError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    unforeseen = InternalFault(f"{what}: internal error ({type(error).__name__}{where})")
    return out_of_resources(error, what) or unforeseen


class PublishTimedOut(Transient):
    """A publish that was accepted did not end in time: what becomes of it is not known yet, and is read again."""

    code = "publish-timed-out"
    usual_hint = (
        "run it again: it reads first what became of it; PENSTOCK_PUBLISH_TIMEOUT and the flow's rollout.timeout "
        "let it wait longer"
    )


class PublishUnexplained(Transient):
    """A publish ended badly, and nothing that the organisation said about it concerns the flow's content."""

    code = "publish-unexplained"
    usual_hint = "run it again; where it stays, look at the organisation's limits, and at the flow in Architect"


# --- Permanent ----------------------------------------------------------------------------------------------------


class RequestRejected(Permanent):
    """The organisation rejected a request (4xx). The fields hold what its error body said."""

    code = "request-rejected"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        api_code: str | None = None,
        correlation_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.api_code = api_code
        self.correlation_id = correlation_id


class AuthenticationFailed(RequestRejected):
    """The client id or secret is wrong, or the token is not accepted even after one refresh."""

    code = "authentication-failed"


class PermissionMissing(RequestRejected):
    """The client lacks a permission (or scope); `permission` names it where it is known."""

    code = "permission-missing"

    def __init__(
        self, message: str, *, permission: str | None, correlation_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, status=403, correlation_id=correlation_id, hint=hint)
        self.permission = permission


class NotFound(RequestRejected):
    """What was asked for does not exist, or was deleted."""

    code = "not-found"


class PublishFailed(Permanent):
    """A publish ended in failure, or the live version did not move to what it should be."""

    code = "publish-failed"


class GateFailed(Permanent):
    """A health gate failed on the new version."""

    code = "gate-failed"


class RollbackFailed(Permanent):
    """A rollback did not bring the previous version back; the flow is Degraded and a person is needed."""

    code = "rollback-failed"


class ExportFailed(Permanent):
    """The live version could not be exported."""

    code = "export-failed"


class RepositoryFailed(Permanent):
    """The git repository is not usable: not a repository, no such branch, a conflict that a person must solve."""

    code = "repository-failed"


class TraceUnreadable(Permanent):
    """A fetched trace does not have the shape that its dialect promises; the message says where it breaks."""

    code = "trace-unreadable"
