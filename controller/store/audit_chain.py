"""The hash chain of the audit log: the digest of each entry covers the digest of the entry before it.

Each organisation has a chain. A later digest proves that no earlier entry was changed, removed or added; record commits
carry such digests out of the store. The chain itself does not hold a secret: it proves nothing against a person who can
rewrite the store, the files and the records branch together.
Source: the hash chain (not the secrecy) of Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics"
(1999). A Merkle tree (RFC 9162) would prove one entry without the others, which nobody asks here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

START: Final = "0" * 64
"""What the first entry has as the digest before it."""
REQUEST: Final = "request"
"""The action of an entry about what a person asked for; what it leads to has entries of its own."""
PURGE: Final = "purge"
"""The action of the entry that tells up to where older ones were removed."""
_COVERED: Final = frozenset(
    {
        *("timestamp", "organization", "action", "status", "actor", "flow", "flow_id", "version", "target_version"),
        *("error", "latency_ms", "details", "author", "revision", "validation_error_rate", "deployment_success_rate"),
        *("filed", "position", "previous"),
    }
)
NOT_COVERED: Final = frozenset({"digest", "success", "webhook_synced"})
"""The digest itself, what follows from `status`, and what changes later."""
FIELDS: Final = _COVERED | NOT_COVERED
"""All that an entry's JSON has."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last entry of an organisation's chain; position 0 is before the first."""

    position: int = 0
    digest: str = START

    def __str__(self) -> str:
        return f"{self.position} {self.digest}"


def digest_of(entry: Mapping[str, object]) -> str:
    """The SHA-256, in hexadecimal digits, of an entry's JSON as `AuditEntry.to_json` makes it.

    It covers the fields that never change, `position` and `previous` included, as JSON with sorted keys, without
    spaces, in ASCII; fields that are null are left out, so that a field of a later version changes no older digest.
    """
    covered = {name: value for name, value in entry.items() if name in _COVERED and value is not None}
    text = json.dumps(covered, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
