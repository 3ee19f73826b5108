"""How long the publishes of a flow take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PublishWay(StrEnum):
    """How a version was made live; each way takes its own time."""

    UPLOAD = "upload"
    """Its file was uploaded."""
    PUBLISH = "publish"
    """It existed in the organisation."""


@dataclass(frozen=True, slots=True)
class PublishTime:
    """What the publishes of one flow took."""

    seconds: float
    """Smoothed mean, from the request until the version was live."""
    deviation_s: float
    """Smoothed mean distance from it."""
    size: int
    """Characters of the newest file; 0 without one."""
