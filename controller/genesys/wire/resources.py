"""Rows of the listings of resources. Source of the fields: the models of Genesys' Python SDK (269.0.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import Field

from controller.genesys.wire.model import WireModel


class WirePromptResource(WireModel):
    """One language of a prompt."""

    language: str | None = None


class WireSchema(WireModel):
    """The JSON schema of a data table."""

    properties: Mapping[str, object] | None = None


class _Compared(Protocol):
    @property
    def parts(self) -> str: ...


class WireResource(WireModel):
    """One row: the fields of any kind that names are compared with."""

    id: str = Field(min_length=1)
    name: str | None = None
    category: str | None = None
    """A data action's, by default the name of its integration."""
    email: str | None = None
    username: str | None = None
    data_schema: WireSchema | None = Field(None, alias="schema")
    resources: list[WirePromptResource] | None = None

    def parts(self, kind: _Compared) -> frozenset[str] | None:
        """The columns or languages, as the kind says; None where it has none, or they are not told."""
        if kind.parts == "columns":
            return self._columns()
        if kind.parts == "languages" and self.resources is not None:
            return frozenset(each.language for each in self.resources if each.language)
        return None

    def _columns(self) -> frozenset[str] | None:
        """The names and the titles of the columns: a flow shows the title, and a table made over the API may have none.

        A table without any column is one whose schema was not sent.
        """
        properties = self.data_schema.properties if self.data_schema is not None else None
        if not properties:
            return None
        titles = (each.get("title") for each in properties.values() if isinstance(each, Mapping))
        return frozenset({*properties, *(title for title in titles if isinstance(title, str))})
