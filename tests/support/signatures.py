"""What a receiver of webhooks does with a message."""

from __future__ import annotations

import hmac

from controller.notify.signature import sign

TOLERANCE_S = 300


def verify(secret: str, headers: tuple[str, str], body: bytes, *, now: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether a message is genuine and recent: what a receiver does. `headers` are the signature's and the time's."""
    signature, stamp = headers
    if not (stamp.isascii() and stamp.isdecimal()) or abs(now - int(stamp)) > tolerance_s:
        return False
    return hmac.compare_digest(sign(secret, int(stamp), body).encode(), signature.encode())
