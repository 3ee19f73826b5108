"""Documents held against their JSON Schemas."""

from __future__ import annotations

from typing import Any

import jsonschema

from controller.cli.commands.schema import document_class
from controller.domain.documents import plain
from controller.graphs.document import graph_document
from controller.graphs.model import Graph
from controller.questions.document_schema import schema_of


def follows_its_schema(document: dict[str, Any]) -> None:
    """Fail unless the document, and each that it holds, has all fields of its schema and no other field."""
    schema = _closed(schema_of(document_class(str(document["schema"]))))
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def graph_fields(graph: Graph) -> dict[str, Any]:
    """The JSON of a graph of the repository's."""
    found: dict[str, Any] = plain(graph_document(graph, organization="acme", from_="repository", warnings=()))
    return found
