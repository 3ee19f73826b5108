"""An actor in the organisation: a person in Architect, or a service client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    id: str
    name: str
    person: bool = False
    """A person appears as `user` in answers, a service client as `client`."""
