"""The error tree. The branch decides how the loop continues; the fields give the reason and the next step.

The code of a leaf is the name of its class in kebab case (`PlanStale`: `plan-stale`) and a heading in
docs/reference/errors.md: a new name is a new code. Raise errors `from` their cause.
Messages name the file, flow or request, and give the numbers. Registered secrets are masked in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from controller.domain.desired import Origin
from controller.domain.redaction import SECRETS
from controller.domain.wording import counted

BY_THE_SERVICE = "; the service retries automatically"
"""The end of a hint about actions of a pass. The service never repeats a person's question."""


class PenstockError(Exception):
    """The root of everything that Penstock raises on purpose."""

    code: ClassVar[str] = "error"
    usual_hint: ClassVar[str | None] = None
    """The hint for errors that are raised without one."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = SECRETS.text(message)
        self.hint = self.usual_hint if hint is None else SECRETS.text(hint)
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        if PenstockError not in cls.__bases__:  # the branches have no code of their own
            cls.code = re.sub("(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    def with_hint(self, hint: str | None, *, message: str | None = None) -> Self:
        """The same error with another hint, and if given another message, to raise from this one."""
        shown = self.message if message is None else SECRETS.text(message)
        error = type(self).__new__(type(self), shown)  # a leaf's constructor needs fields that only the leaf knows
        error.__dict__ |= self.__dict__
        error.message, error.hint = shown, None if hint is None else SECRETS.text(hint)
        return error

    @classmethod
    def told(cls, message: str, hint: str | None) -> Self:
        """The error as a controller's API tells it: without the fields that only the leaf's own constructor knows."""
        return cls.__new__(cls, message).with_hint(hint, message=message)

    def only_asked(self) -> Self:
        """The same error without the service's promise in its hint, because no service repeats a person's question."""
        return self.with_hint(self.hint.removesuffix(BY_THE_SERVICE) if self.hint else None)


# The names follow the states that they lead to, not the -Error convention.
# ruff: noqa: N818

# --- The branches -------------------------------------------------------------------------------------------------


class Invalid(PenstockError):
    """A person must commit a change; nothing is retried until git changes."""


class Refused(PenstockError):
    """Safety, policy or a stale plan forbids it. The hint says how to allow it."""


class Waiting(PenstockError):
    """Not possible now: try again after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Transient(PenstockError):
    """A temporary fault, retried with backoff; the service retries without limit."""


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

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        files = len({mistake.origin.file for mistake in mistakes})
        count = f"{counted(len(mistakes), 'mistake')} in {counted(files, 'file')}"
        super().__init__(f"{count}:\n" + "\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class FlowFileInvalid(Invalid):
    """A flow file cannot be read: `line` and `column` count from 1."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class RepositoryTooLarge(Invalid):
    """The repository has more files, deeper folders or more bytes than are read."""


class MergeConflict(Invalid):
    """A branch cannot be merged into its base, so what the merge would leave is unknown."""


class SettingsInvalid(Invalid):
    """The operator's settings (environment, options) are wrong or a credential is missing."""


class CapabilityMissing(Invalid):
    """The manifest asks for something that its dialect cannot do."""


class FlowRejected(Invalid):
    """The organisation's validation or publish found errors in the flow's content."""


class TraceRequestInvalid(Invalid):
    """A trace request outside the retention, or one that the organisation would refuse."""


class RequestInvalid(Invalid):
    """A request to the API has parameters or a body that it does not take, or a method that the path does not have."""


class UnknownResource(Invalid):
    """A path of the API names something that the controller does not know."""


# --- Refused ------------------------------------------------------------------------------------------------------


class PlanStale(Refused):
    """The state changed between plan and apply."""


class SafetyLimit(Refused):
    """The plan would change or delete more than the manifest allows."""


class HostNotAllowed(Refused):
    """Credentials would go to a host that is neither known nor on the operator's list."""


class CredentialNotAllowed(Refused):
    """A manifest names a variable or a file that the operator does not allow for credentials."""


class DirtyTree(Refused):
    """The working tree has uncommitted changes."""


class Unpushed(Refused):
    """The followed branch does not hold the commit: it was not pushed or not merged."""


class NotConfirmed(Refused):
    """A destructive or manual step needs a person's confirmation."""


class SyncSuspended(Refused):
    """The organisation is suspended, or its sync mode allows no changes."""


class RecordedElsewhere(Refused):
    """Another store records the organisation, so no controller would see what is written into this one."""


class LeaseLost(Refused):
    """Another controller took over the organisation; this one must stop before its next call."""


class DeliveryUnfinished(Refused):
    """A delivery under this name to another organisation, or to this one under another name, is unfinished."""


class AmbiguousFlow(Refused):
    """Several flows in the organisation share the type and name."""


class IdempotencyConflict(Refused):
    """A person's idempotency key was used before, for another request."""


class OutOfBandChange(Refused):
    """An out-of-band publish replaced the version that a delivery had just made live. It is left alone."""

    def __init__(self, message: str, *, version: str, found: str | None, hint: str | None = None) -> None:
        """`version` is the delivered version, `found` is the live one."""
        super().__init__(message, hint=hint)
        self.version = version
        self.found = found


class NoSuchVersion(Refused):
    """The version does not exist, or its status forbids a publish."""


class VersionArchived(NoSuchVersion):
    """The version is archived and cannot be made live."""


class AmbiguousVersion(NoSuchVersion):
    """The pin is the number of one version and the id of another."""


class Unauthenticated(Refused):
    """The service does not know who asks: there is no credential, or it is wrong or expired."""


class Forbidden(Refused):
    """The person is known, and does not have the role that the request needs."""


class RequestForged(Refused):
    """A request came from a page of another site, or lacks the CSRF token of its session."""


class LoginFailed(Refused):
    """The OpenID provider's answer does not prove who the person is."""


# --- Waiting ------------------------------------------------------------------------------------------------------


class RateLimited(Waiting):
    """The organisation's or the token endpoint's request limit is used up."""

    usual_hint = "wait; another program may use the same client"

    def __init__(self, message: str, *, retry_after_s: float, backs_off: bool = False, hint: str | None = None) -> None:
        """`backs_off` makes each further wait longer, for a response without a waiting time."""
        super().__init__(message, retry_after_s=retry_after_s, hint=hint)
        self.backs_off = backs_off


class FlowLocked(Waiting):
    """A person or another client holds the flow."""

    def __init__(
        self, message: str, *, holder: str | None = None, retry_after_s: float = 15.0, hint: str | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, hint=hint)
        self.holder = holder


class LeaseHeld(Waiting):
    """Another controller is at work on the organisation."""


class WindowClosed(Waiting):
    """The manifest's windows do not allow a change now."""


class ForgeLimited(Waiting):
    """The forge's request limit is used up: the hourly one, or one against too many requests at once."""

    usual_hint = "wait; another program may use the same token"


class DeliveryPaused(Waiting):
    """A gate could not decide about a live version; a person has to."""


class TooManyListeners(Waiting):
    """As many clients follow the events as the service lets in."""


class TooManyRequests(Waiting):
    """An address sent too many wrong credentials, or began too many logins."""


# --- Transient ----------------------------------------------------------------------------------------------------


class Unreachable(Transient):
    """The organisation could not be reached, or the connection broke before anything was sent."""

    usual_hint = "check the address and the network, then run it again" + BY_THE_SERVICE


class ServerFault(Transient):
    """The organisation answered 5xx, or with something that is not an answer of its API."""

    usual_hint = "run it again in a while" + BY_THE_SERVICE

    def __init__(self, message: str, *, retry_after_s: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        """Seconds that the organisation asks to wait; None if it gives no time."""


UNCERTAIN = "; the write may or may not have taken effect"
"""The end of the message about a lost response, until the state has been read."""


class AnswerLost(Transient):
    """A write was sent and its response was lost: it may or may not have taken effect. Read before any repetition."""

    usual_hint = "run it again: it looks first whether the call took effect"


class BadAnswer(Transient):
    """The answer does not have the shape that the API promises, so it carries no information."""

    usual_hint = "run it again; where it stays, look for a proxy that changes answers, or for a change of the API"

    def __init__(self, message: str, *, again: bool = False, hint: str | None = None) -> None:
        """`again` is whether another try may succeed and does no harm."""
        super().__init__(message, hint=hint)
        self.again = again


class LiveUndetermined(Transient):
    """The organisation's answers contradict each other about the live version; neither is trusted."""

    usual_hint = "it is read again in the next pass; where it stays, look at the flow in Architect"


class CircuitOpen(Transient):
    """Too many faults in a row: calls fail at once until a probe succeeds."""

    usual_hint = "run it again once the organisation answers" + BY_THE_SERVICE


class Interrupted(Transient):
    """A shutdown signal arrived before any delivery started."""


class GitRemoteFailed(Transient):
    """The git remote could not be fetched from or pushed to."""

    usual_hint = "check the remote and its credentials, then run it again; what could not be pushed is kept"


class BranchGone(GitRemoteFailed):
    """A branch that deliveries need is missing on the remote. Nothing is written until it is back."""

    def __init__(self, message: str, *, was_there: bool = True, hint: str | None = None) -> None:
        """`was_there` is whether the branch was seen before; otherwise the remote may be new."""
        super().__init__(message, hint=hint)
        self.was_there = was_there


class ForgeUnavailable(Transient):
    """The forge could not be reached, answered 5xx, or sent something that is not an answer of its API."""

    usual_hint = "check the forge's address and the network, then run it again" + BY_THE_SERVICE

    def __init__(self, message: str, *, uncertain: bool = False, hint: str | None = None) -> None:
        """`uncertain` is whether a write was sent and its response was lost: read before any repetition."""
        super().__init__(message, hint=hint)
        self.uncertain = uncertain


class ControllerUnavailable(Transient):
    """A controller's API could not be reached, broke the connection off, or answered 5xx without a reason."""

    usual_hint = "check the address of --server and the network, then run it again"


class StoreFailed(Transient):
    """The store (SQLite or PostgreSQL) did not answer."""

    usual_hint = "see that the store of PENSTOCK_STORE answers, then run it again; it goes on from the journal"


class ResourcesExhausted(Transient):
    """The machine ran out of processes, open files or memory."""

    usual_hint = "raise the limits of open files, processes or memory; the service tries again automatically"


class LoginUnavailable(Transient):
    """The OpenID provider does not answer, or its configuration is not the one that the operator names."""

    usual_hint = "check that the provider answers at PENSTOCK_OIDC_ISSUER, then log in again"


class InternalFault(Transient):
    """An unforeseen failure: the operation could not be done."""

    usual_hint = "look at the log of this moment and report it; the service tries again automatically"


class PublishTimedOut(Transient):
    """An accepted publish did not end in time. Its result is undetermined and will be read again."""

    usual_hint = (
        "run it again: it reads the result first; PENSTOCK_PUBLISH_TIMEOUT and the flow's rollout.timeout "
        "let it wait longer"
    )


class PublishUnexplained(Transient):
    """A publish failed, and none of the organisation's messages concern the flow's content."""

    usual_hint = "run it again; where it stays, look at the organisation's limits, and at the flow in Architect"


# --- Permanent ----------------------------------------------------------------------------------------------------


class RequestRejected(Permanent):
    """The organisation rejected a request (4xx). The fields hold the content of its error body."""

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


class PermissionMissing(RequestRejected):
    """The client lacks a permission or scope; `permission` names it if it is known."""

    def __init__(
        self, message: str, *, permission: str | None, correlation_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, status=403, correlation_id=correlation_id, hint=hint)
        self.permission = permission


class NotFound(RequestRejected):
    """The requested object does not exist or was deleted."""


class ForgeRejected(Permanent):
    """The forge rejected a request (4xx), or a value cannot be sent to it."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        """`status` is the HTTP status; None where the request was never sent."""
        super().__init__(message, hint=hint)
        self.status = status


class ForgeTooLarge(ForgeRejected):
    """The forge has more pages or bytes of something than are read, or a comment is longer than it takes."""


class ForgeLoginFailed(ForgeRejected):
    """The forge does not accept the token, or the app's key."""


class ForgePermissionMissing(ForgeRejected):
    """The token lacks a permission; `permission` names it in the forge's words."""

    def __init__(self, message: str, *, permission: str, status: int | None = 403, hint: str | None = None) -> None:
        super().__init__(message, status=status, hint=hint)
        self.permission = permission


class ForgeNotFound(ForgeRejected):
    """The repository, pull request, commit or comment does not exist, or the token may not see it."""

    def __init__(self, message: str, *, of_repository: bool, status: int | None = 404, hint: str | None = None) -> None:
        """`of_repository` is whether the repository itself is missing, and not something in it."""
        super().__init__(message, status=status, hint=hint)
        self.of_repository = of_repository


class PublishFailed(Permanent):
    """A publish failed, or the expected version did not become live."""


class GateFailed(Permanent):
    """A health gate failed on the new version."""


class RollbackFailed(Permanent):
    """A rollback did not restore the previous version. The flow is Degraded and needs a person."""


class ExportFailed(Permanent):
    """The live version could not be exported."""


class RepositoryFailed(Permanent):
    """The git repository is not usable: not a repository, a missing branch, a conflict that a person must solve."""


class ControllerUnusable(Permanent):
    """What answers at the address of `--server` is no controller's API, or one of another version."""

    usual_hint = "check the address of --server, and that this command and the controller have the same version"


class TraceUnreadable(Permanent):
    """A fetched trace does not have the shape that its dialect promises. The message says where."""


class PlanUnreadable(Permanent):
    """A file is not a saved plan, or holds more than is read. The message says where."""

    usual_hint = "write one with `penstock plan --out FILE`"
