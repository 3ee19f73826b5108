"""Keeping the libraries' own logs from telling what ours must not: they write whole URLs, signed ones too."""

from __future__ import annotations

import logging

_TALKATIVE = ("httpx", "httpcore", "websockets.client")


def hush() -> None:
    """Let only the libraries' warnings through; our own events tell of every call what may be told."""
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
