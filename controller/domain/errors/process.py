"""Penstock's own process: its settings, its store, the machine that it runs on."""

from __future__ import annotations

from controller.domain.errors.branches import Invalid, Refused, Transient


class SettingsInvalid(Invalid):
    """The operator's settings (environment, options) are wrong or a credential is missing."""


class StoreFailed(Transient):
    """The store (SQLite or PostgreSQL) did not answer."""

    usual_hint = "see that the store of PENSTOCK_STORE answers, then run it again; it goes on from the journal"


class StoreNotCopied(Refused):
    """A copy of the store would be incomplete, or would be mixed with another store."""


class ResourcesExhausted(Transient):
    """The machine ran out of processes, open files or memory."""

    usual_hint = "raise the limits of open files, processes or memory; the service tries again automatically"


class Interrupted(Transient):
    """A shutdown signal arrived before any delivery started."""


class InternalFault(Transient):
    """An unforeseen failure: the operation could not be done."""

    usual_hint = "look at the log of this moment and report it; the service tries again automatically"
