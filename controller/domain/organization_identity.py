"""The identity of an organisation, independent of its name in manifests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class OrganizationIdentity:
    """An organisation by its own id, or by the client that reaches it, because a client belongs to one organisation."""

    api_url: str
    client_id: str
    organization_id: str | None = None
    """None if the dialect or the client's rights do not reveal it."""

    @property
    def key(self) -> str:
        """A key that is the same for all clients of an organisation, as far as its id is known."""
        return self.by_client if self.organization_id is None else _short(self.organization_id)

    @property
    def by_client(self) -> str:
        """The key while the organisation's id is unknown. It treats two clients as two organisations."""
        return _short(f"client {self.client_id} at {self.api_url}")

    def __str__(self) -> str:
        return self.key


def _short(text: str) -> str:
    """The text if it is short, else a digest of it."""
    return text if len(text) <= _LONGEST else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
