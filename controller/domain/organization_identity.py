"""Which organisation it is, whatever manifests call it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class OrganizationIdentity:
    """An organisation by its own id, or else by the client that reaches it: a client belongs to one organisation."""

    api_url: str
    client_id: str
    organization_id: str | None = None
    """None where the dialect, or the client's rights, do not tell it."""

    @property
    def key(self) -> str:
        """The same for all who reach the same organisation, as far as it can be told."""
        return self.by_client if self.organization_id is None else _short(self.organization_id)

    @property
    def by_client(self) -> str:
        """How the organisation is named while its own id is not known; two clients of it are taken for two."""
        return _short(f"client {self.client_id} at {self.api_url}")

    def __str__(self) -> str:
        return self.key


def _short(text: str) -> str:
    """The text where it is as short as such names are; a digest of anything else."""
    return text if len(text) <= _LONGEST else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
