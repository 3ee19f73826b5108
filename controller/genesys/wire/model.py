"""The base class of all answers."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Entity = TypeVar("Entity")


class WireModel(BaseModel):
    """Camel case on the wire, unknown fields ignored, values frozen."""

    model_config = ConfigDict(
        defer_build=True,
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )


class WirePage(WireModel):
    """The announced size of a listing, as far as it is given."""

    page_size: int | None = None
    page_count: int | None = None
    total: int | None = None
    next_uri: str | None = None


class ListPage(WirePage, Generic[Entity]):
    """One page of a listing with its rows."""

    entities: list[Entity]


class EntityRef(WireModel):
    """A reference to a person, a client, a division or a flow: an id, often a name."""

    id: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """The display name."""
        return self.name or self.id or "someone unknown"
