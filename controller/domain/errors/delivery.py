"""A delivery as a whole: who may deliver to an organisation now, and whether its plan may be carried out."""

from __future__ import annotations

from controller.domain.errors.branches import Permanent, Refused, Waiting


class LeaseHeld(Waiting):
    """Another controller is at work on the organisation."""


class LeaseLost(Refused):
    """Another controller took over the organisation; this one must stop before its next call."""


class RecordedElsewhere(Refused):
    """Another store records the organisation, so no controller would see what is written into this one."""


class SyncSuspended(Refused):
    """The organisation is suspended, or its sync mode allows no changes."""


class WindowClosed(Waiting):
    """The manifest's windows do not allow a change now."""


class PlanUnreadable(Permanent):
    """A file is not a saved plan, or holds more than is read. The message says where."""

    usual_hint = "write one with `penstock plan --out FILE`"


class PlanStale(Refused):
    """The state changed between plan and apply."""


class SafetyLimit(Refused):
    """The plan would change or delete more than the manifest allows."""


class NotConfirmed(Refused):
    """A destructive or manual step needs a person's confirmation."""


class DeliveryUnfinished(Refused):
    """A delivery under this name to another organisation, or to this one under another name, is unfinished."""


class DeliveryPaused(Waiting):
    """A gate could not decide about a live version; a person has to."""
