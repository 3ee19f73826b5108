"""Writes the requests in docs/reference/api.md from the OpenAPI description: `make docs`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from controller.domain.clock import SystemClock
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.service.access.opening import open_access
from controller.service.api.app import create_api
from controller.service.window import ServiceWindow
from controller.store.store import Store

PAGE = Path(__file__).parent / "reference" / "api.md"
Described = dict[str, Any]
_REQUESTS = "## Requests\n"


def page() -> str:
    """The text of docs/reference/api.md: what people wrote, and the requests."""
    written, _, _ = PAGE.read_text(encoding="utf-8").partition(_REQUESTS)
    return "\n".join([written + _REQUESTS, *_requests()])


def _description() -> Described:
    clock, settings = SystemClock(), Settings()
    with Store.open("sqlite://", clock=clock) as store:
        access = open_access(settings, store, clock)
        window = ServiceWindow(
            Services(settings, store, clock), lambda: None, lambda _organization, _reason: None, access
        )
        return create_api(window, asyncio.Event()).openapi()


def _requests() -> Iterator[str]:
    description = _description()
    components = description["components"]["schemas"]
    for path, method, operation in (
        (path, method, operation) for path, item in description["paths"].items() for method, operation in item.items()
    ):
        yield f"### {method.upper()} {path}\n"
        yield f"{operation['description']}\n"
        rows = [*_parameters(operation, components), *_body(operation, components)]
        if rows:
            yield "| name | in | type | meaning |\n|---|---|---|---|"
            yield from rows
            yield ""
        yield f"Answers: {'; '.join(_answers(operation, components))}.\n"


def _parameters(operation: Described, components: Described) -> Iterator[str]:
    for each in operation.get("parameters", ()):
        name = f"`{each['name']}`" + ("" if each["required"] else " (optional)")
        yield f"| {name} | {each['in']} | {_kind(each['schema'], components)} | {each['description']} |"


def _body(operation: Described, components: Described) -> Iterator[str]:
    if "requestBody" not in operation:
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    found = components[schema["$ref"].rpartition("/")[2]]
    for name, each in found["properties"].items():
        shown = f"`{name}`" + ("" if name in found["required"] else " (optional)")
        yield f"| {shown} | body | {_kind(each, components)} | {each['description']} |"


def _kind(schema: Described, components: Described) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each, components) for each in schema["anyOf"] if each != {"type": "null"})
    if "$ref" in schema:
        words = components[schema["$ref"].rpartition("/")[2]]["enum"]
        return f"one of {', '.join(f'`{word}`' for word in words)}"
    limits = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    usual = f", by default {schema['default']}" if schema.get("default") not in (None, "") else ""
    return " ".join([{"integer": "number"}.get(schema["type"], schema["type"]), *limits]) + usual


def _answers(operation: Described, components: Described) -> Iterator[str]:
    for status, response in operation["responses"].items():
        for kind, content in response["content"].items():
            name = components.get(content["schema"].get("$ref", "").rpartition("/")[2], {}).get("title", "")
            anchor = name.replace(".", "").replace("/", "")
            if name.startswith("penstock."):
                yield f"{status} [`{name}`](json.md#{anchor})"
            elif kind != "application/problem+json":
                yield f"{status} `{kind}`"
    yield f"problems {', '.join(status for status in operation['responses'] if not status.startswith('2'))}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
