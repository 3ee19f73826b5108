"""docs/reference/json.md is made from the schemas, and real documents have exactly their fields."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from controller.cli.commands.schema import DOCUMENTS, document_class
from controller.domain.status import Health, SyncStatus
from controller.genesys.latency import RouteLatency
from controller.questions.document_schema import schema_of
from controller.service.board import Board, BoardEntry
from controller.service.http import service_routes
from docs.json_page import PAGE, page
from tests.support.clock import SteppedClock
from tests.support.documents import follows_its_schema
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import module

Fields = dict[str, object]


def test_the_page_is_the_one_that_the_code_describes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make docs"


def test_every_field_of_every_document_has_a_meaning() -> None:
    for name in DOCUMENTS:
        schema = schema_of(document_class(name))
        for part in (schema, *schema.get("$defs", {}).values()):
            for field, each in part.get("properties", {}).items():
                assert each.get("const") or each["description"].endswith("."), (name, part["description"], field)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Fields]]:
    """Documents of every command, from a repository whose flow was delivered, approved, rolled back and broken."""
    with simulator_thread() as url:
        shell = InsideShell(tmp_path_factory.mktemp("json"), url)
        found = {"plan": shell.json("plan"), "applied": shell.json("apply")}
        shell.flow("front", module("Nobody calls me"))
        shell.flow("hours", module("Hours", says="Other"))
        shell.commit()
        shell.run("apply", "--force")
        httpx.post(f"{url}/_simulator/flows", json={"text": module("By hand"), "by": "Ada"})
        hours = next(
            flow["id"] for flow in httpx.get(f"{url}/_simulator/flows").json()["flows"] if flow["name"] == "Hours"
        )
        body = {"by": "Ada", "text": module("Hours", says="Past git")}
        httpx.post(f"{url}/_simulator/flows/{hours}/publish", json=body)
        found["drifted"] = shell.json("plan", "--all")
        found["status"] = shell.json("status")
        found["preflight"] = shell.json("preflight")
        found["recording"] = shell.json("trace", "settings", "--flow", "front")
        found["approval"] = shell.json("approve", "sha256:" + "0" * 64)
        found["import"] = shell.json("import", "--dry-run")
        found["rollback"] = shell.json("rollback", "hours", "--to", "1.0")
        found["blocked"] = shell.json("apply")
        shell.flow("quiet", module("Quiet"), gates=[{"errorRate": {"window": "1s", "minimumSamples": 9, "max": "1%"}}])
        shell.commit()
        found["paused"] = shell.json("apply")
        found["promotion"] = shell.json("accept", "quiet")
        found["audit"] = shell.json("audit", "list")
        found["audit-proof"] = shell.json("audit", "verify")
        found["validate"] = shell.json("validate")
        found["diff"] = shell.json("diff")
        (shell.folder / "hours.yaml").write_text("apiVersion: penstock/v1\nkind: Flwo\n")
        found["mistakes"] = shell.json("validate")
        found["error"] = shell.json("plan")
        del shell.environment["ACME_SECRET"]
        shell.git("checkout", "--quiet", "hours.yaml")
        found["unknown"] = shell.json("status")
        yield found


def first(document: Fields, *path: str) -> Fields:
    """The first entry of a list in a list in a document."""
    for name in path:
        (document, *_rest) = document[name]  # type: ignore[misc, assignment]
    return document


PARTS = {
    "plan": ("organizations", "changes"),
    "drifted": ("organizations", "drift"),
    "applied": ("organizations", "steps"),
    "rollback": ("organizations", "steps"),
    "blocked": ("organizations", "blocked"),
    "status": ("organizations", "flows"),
    "audit": ("entries",),
    "audit-proof": ("chains",),
    "preflight": ("organizations", "checks"),
    "recording": ("flows",),
    "import": ("flows",),
    "validate": ("organizations",),
    "mistakes": ("mistakes",),
    "diff": ("flows", "entries"),
}
"""A list of each document that must not be empty, or its entries would prove nothing."""


def test_every_document_has_exactly_the_fields_of_its_schema(documents: dict[str, Fields]) -> None:
    for name, document in documents.items():
        if name in PARTS:
            assert first(document, *PARTS[name])
        follows_its_schema(document)


def test_documents_of_special_cases(documents: dict[str, Fields]) -> None:
    assert first(documents["blocked"], "organizations")["outcome"] == "blocked"
    assert first(documents["paused"], "organizations")["outcome"] == "paused"
    assert first(documents["applied"], "organizations")["commit"]
    assert first(documents["status"], "organizations")["last_sync"]
    assert first(documents["unknown"], "organizations")["sync"] == "Unknown"
    assert documents["error"]["schema"] == "penstock.error/v1"
    assert documents["error"]["mistakes"]


async def test_the_services_status() -> None:
    clock = SteppedClock()
    board = Board(clock)
    board.follow("voice").fault = "the remote does not answer"
    board.expect(["acme"], ["acme"])
    board._entries["acme"] = BoardEntry("acme", SyncStatus.SYNCED, Health.HEALTHY, "abc", "in sync", clock.now())
    calls = {"acme": (RouteLatency("GET", "/api/v2/flows", 1, 1.0, 1.0, 1.0),)}
    transport = httpx.ASGITransport(app=Starlette(routes=service_routes(board, CollectorRegistry(), lambda: calls)))
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
        document = (await client.get("/status")).json()

    assert first(document, "organizations", "calls")
    assert document["repositories"][0]["fault"] == "the remote does not answer"
    follows_its_schema(document)
