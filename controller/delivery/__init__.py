"""Delivery: carrying a plan out, one change at a time or many, with gates, rollback and recovery.

The only package that changes an organisation, and never without an intent in the journal and a held lease. It neither
decides what is wanted nor commits what it delivered: the caller does both.
"""

from controller.delivery.delivery import Delivery
from controller.delivery.exporting import export_digest
from controller.delivery.result import Outcome, RecoveryResult, StepResult, SyncContext, SyncResult
from controller.delivery.settings import DeliverySettings
from controller.delivery.sync_run import DeliveryEvent, KeepDraft, OnEvent

__all__ = [
    "Delivery",
    "DeliveryEvent",
    "DeliverySettings",
    "KeepDraft",
    "OnEvent",
    "Outcome",
    "RecoveryResult",
    "StepResult",
    "SyncContext",
    "SyncResult",
    "export_digest",
]
