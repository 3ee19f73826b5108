"""An organisation that does not tell what became of a change: nothing is known to have failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controller.delivery.context import Context
from controller.delivery.signals import Parked
from controller.delivery.work import Work
from controller.domain.errors import RateLimited, StoreFailed, Transient


@contextmanager
def left_unread(context: Context, work: Work) -> Iterator[None]:
    """Say why it cannot be told whether the change took effect, and leave it: whoever takes it up next reads again.

    Raises Parked instead of what passes by itself; a store that fails is no word of the organisation's.
    """
    try:
        yield
    except StoreFailed:
        raise
    except (Transient, RateLimited) as error:
        work.error = error
        message = context.redactor.text(error.message)
        context.tell("verify.unread", work, message=message)
        context.audit(work, "verify", "failure", details={"error": message, "code": error.code})
        raise Parked from error
