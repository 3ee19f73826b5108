"""An organisation that does not tell what became of a change: nothing is known to have failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controller.delivery.context import Context
from controller.delivery.signals import Parked
from controller.delivery.work import EFFECTIVE, Work
from controller.domain.errors import (
    AmbiguousFlow,
    HostNotAllowed,
    NoSuchVersion,
    PublishUnexplained,
    RateLimited,
    RequestRejected,
    StoreFailed,
    Transient,
)
from controller.domain.redaction import SECRETS

READ_FAULTS = (Transient, RateLimited, RequestRejected, NoSuchVersion, HostNotAllowed, AmbiguousFlow)
"""All that a read can end with. Once a write was accepted none of it says that the write failed: also what the client
may not read, or what is not found, may be on its way."""


@contextmanager
def left_unread(context: Context, work: Work) -> Iterator[None]:
    """Say why it cannot be told whether the change took effect, and leave it: whoever takes it up next reads again.

    Raises Parked instead of what a read ends with. What the organisation tells of the end of a publish goes through,
    and a store that fails, which is no word of the organisation's.
    """
    try:
        yield
    except (PublishUnexplained, StoreFailed):
        raise
    except READ_FAULTS as error:
        work.error = error
        message = SECRETS.text(error.message)
        context.tell("verify.unread", work, message=message)
        context.audit(work, "verify", "failure", error=message, details={"code": error.code})
        raise Parked from error


def left_of_limit(context: Context, work: Work, timeout_s: float) -> float:
    """How much of the time that a publish may take is left since it was sent; never more than all of it."""
    sent = [write.intent_at for write in work.record.writes if write.action in EFFECTIVE]
    if not sent:
        return timeout_s
    passed_s = (context.clock.now() - max(sent)).total_seconds()
    return min(timeout_s - passed_s, timeout_s)
