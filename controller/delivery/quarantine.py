"""Which wishes are not tried again until git asks for something else."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.work import Work
from controller.domain.errors import (
    AuthenticationFailed,
    Invalid,
    PenstockError,
    Permanent,
    PermissionMissing,
    RepositoryFailed,
    SettingsInvalid,
)
from controller.domain.status import StepState
from controller.planning.model import ChangeKind

_SURROUNDINGS = (AuthenticationFailed, PermissionMissing, RepositoryFailed, SettingsInvalid)


def quarantine(context: Context, work: Work, reason: str) -> None:
    """Quarantine what the change asked for.

    Nothing is, where all that failed is what passes by itself: an outage, a lock, a stale plan; nor what was taken back
    on request, for which whoever asks says what is not to be tried again. A republish only
    follows a module, which may have been delivered by an earlier sync: the caller's unchanged content must stay free,
    or it could follow neither that module nor a corrected one. It is quarantined only where it failed by itself.
    """
    if work.on_request and work.error is None:
        return
    if work.change.kind is ChangeKind.REPUBLISH and (work.error is None or _follows_another(context, work)):
        return
    causes = [other.error or other.cause for other in context.works]
    if not any(cause is not None and deserves_quarantine(cause) for cause in causes):
        return
    reason = context.redactor.text(reason)
    context.store.quarantines.add(context.organization.name, work.key, work.record.wanted, reason)
    context.tell("wish.quarantined", work, wanted=work.record.wanted, reason=reason)


def release_proven(context: Context) -> None:
    """What was tried again in spite of its quarantine, and is live and healthy now, needs none any more."""
    for work in context.works:
        if work.state in (StepState.HEALTHY, StepState.EXPORTED):
            organization, wanted = context.organization.name, work.record.wanted
            context.store.quarantines.release(organization, work.key, by=context.sync.actor, wanted=wanted)


def deserves_quarantine(error: PenstockError) -> bool:
    """Trying the same content again cannot help; what passes by itself is tried again.

    What the client may not do, and a repository that takes no commit, say nothing about content.
    """
    return isinstance(error, Invalid | Permanent) and not isinstance(error, _SURROUNDINGS)


def harmless(work: Work) -> bool:
    """Whether a change failed of what passes by itself before anything was written, as if the plan had blocked it.

    A version that is not there, a lock, a flow that somebody moved: taking back what others published would only be
    repeated in every pass.
    """
    return not work.touched and work.error is not None and not deserves_quarantine(work.error)


def _follows_another(context: Context, work: Work) -> bool:
    return any(other.key in work.record.consumes for other in context.works)
