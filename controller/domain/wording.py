"""Formats counts for sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 flow`, `2 flows`; the noun's plural must end in s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
