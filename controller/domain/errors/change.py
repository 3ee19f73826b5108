"""The change of one flow: finding its version, publishing it, its gates, its rollback, its export."""

from __future__ import annotations

from controller.domain.errors.branches import Invalid, Permanent, Refused, Transient, Waiting


class AmbiguousFlow(Refused):
    """Several flows in the organisation share the type and name."""


class NoSuchVersion(Refused):
    """The version does not exist, or its status forbids a publish."""


class VersionArchived(NoSuchVersion):
    """The version is archived and cannot be made live."""


class AmbiguousVersion(NoSuchVersion):
    """The pin is the number of one version and the id of another."""


class FlowLocked(Waiting):
    """A person or another client holds the flow."""

    def __init__(
        self, message: str, *, holder: str | None = None, retry_after_s: float = 15.0, hint: str | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, hint=hint)
        self.holder = holder


class FlowRejected(Invalid):
    """The organisation's validation or publish found errors in the flow's content."""


class PublishTimedOut(Transient):
    """An accepted publish did not end in time. Its result is undetermined and will be read again."""

    usual_hint = (
        "run it again: it reads the result first; PENSTOCK_PUBLISH_TIMEOUT and the flow's rollout.timeout "
        "let it wait longer"
    )


class PublishUnexplained(Transient):
    """A publish failed, and none of the organisation's messages concern the flow's content."""

    usual_hint = "run it again; where it stays, look at the organisation's limits, and at the flow in Architect"


class PublishFailed(Permanent):
    """A publish failed, or the expected version did not become live."""


class LiveUndetermined(Transient):
    """The organisation's answers contradict each other about the live version; neither is trusted."""

    usual_hint = "it is read again in the next pass; where it stays, look at the flow in Architect"


class OutOfBandChange(Refused):
    """An out-of-band publish replaced the version that a delivery had just made live. It is left alone."""

    def __init__(self, message: str, *, version: str, found: str | None, hint: str | None = None) -> None:
        """`version` is the delivered version, `found` is the live one."""
        super().__init__(message, hint=hint)
        self.version = version
        self.found = found


class GateFailed(Permanent):
    """A health gate failed on the new version."""


class RollbackFailed(Permanent):
    """A rollback did not restore the previous version. The flow is Degraded and needs a person."""


class ExportFailed(Permanent):
    """The live version could not be exported."""
