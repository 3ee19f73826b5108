"""Tells which drift has begun and not ended."""

from __future__ import annotations

from controller.domain.documents import filled
from controller.questions.drift_document import OpenDriftDocument, OpenDriftsDocument
from controller.store.store import Store


def drift_now(store: Store, organization: str, kept_as: str) -> OpenDriftsDocument:
    """The open drift of an organisation; `kept_as` is the name of its history. Raises StoreFailed."""
    return OpenDriftsDocument(organization=organization, drift=drift_documents(store, kept_as))


def drift_documents(store: Store, kept_as: str, flow: str | None = None) -> list[OpenDriftDocument]:
    """Open drift, of one flow (`type/name`) or of all. Raises StoreFailed."""
    return [
        filled(OpenDriftDocument, drift) for drift in store.drifts.listed(kept_as) if flow is None or drift.flow == flow
    ]
