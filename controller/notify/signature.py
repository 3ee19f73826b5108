"""Signs messages, so that a receiver can check origin, integrity and age.

The scheme of Stripe's and Slack's webhooks: HMAC-SHA256 over `<timestamp>.<body>`, so that an old message cannot be
sent again under a new time.
"""

from __future__ import annotations

import hashlib
import hmac

SIGNATURE_HEADER = "X-Penstock-Signature-256"
TIMESTAMP_HEADER = "X-Penstock-Timestamp"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature header's value, `sha256=<hex>`; `timestamp` is in seconds since 1970, as sent in its header."""
    signed = f"{timestamp}.".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
