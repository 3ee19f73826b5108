"""Decisions of people as documents: `penstock.approval/v1`, `penstock.promotion/v1`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.domain.documents import filled
from controller.store.records import StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDocument:
    """`penstock approve DIGEST --format json`: the approval as it was recorded."""

    schema: Literal["penstock.approval/v1"] = "penstock.approval/v1"
    organization: str
    """The organisation of the plan."""
    digest: str
    """The plan that is approved."""
    by: str
    """Who approved it."""
    at: datetime
    """When, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionDocument:
    """`penstock accept FLOW --format json`: a person's decision about a version that its gate could not decide about.

    The document has the name that it had when the command was called promote.
    """

    schema: Literal["penstock.promotion/v1"] = "penstock.promotion/v1"
    organization: str
    """Where it is live."""
    flow: str
    """`metadata.name`."""
    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    version: str | None
    """The version that may stay."""
    by: str
    """Who said so."""


def promotion_document(organization: str, step: StepRecord, by: str) -> PromotionDocument:
    """The decision of a person about what a step made live."""
    return filled(PromotionDocument, step, step.key, organization=organization, version=step.live_version, by=by)
